import { readFileSync } from 'node:fs';
import { hasProc, startOf } from './process-table.ts';

/**
 * Names this very process, for ever and on this machine: boot, pid and start. Everything an executor starts carries
 * it, so that a sweep takes only what a process that is gone has left, never the jobs of a living namesake.
 */
export function ownStarter(): string {
  cachedStarter ??= `${bootId()}:${process.pid}:${startOf(process.pid)}`;
  return cachedStarter;
}

let cachedStarter: string | undefined;

/** Is the process that a starter names still there? */
export function starterIsAlive(starter: string): boolean {
  const [boot, pid, ...start] = starter.split(':');
  if (boot !== bootId() || !/^[1-9]\d*$/.test(pid ?? '')) return false;
  return startOf(Number(pid)) === start.join(':');
}

let cachedBootId: string | undefined;

/** Starts are counted from the boot on Linux, and are absolute elsewhere. */
function bootId(): string {
  cachedBootId ??= hasProc ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() : '-';
  return cachedBootId;
}
