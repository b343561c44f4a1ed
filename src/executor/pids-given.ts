import { readFileSync, readlinkSync } from 'node:fs';

/** What Linux says of the pids that it gives away. Threads get some, too. */
export interface PidsGiven {
  /** How many, since the machine was started. */
  readonly count: number;
  /** The last one. */
  readonly last: number;
  /** There are so many; after the highest come the low ones that are free again. */
  readonly limit: number;
}

/** It stays as it is, and so does the namespace that this process is in. */
let limit: number | null = null;

/** @returns null where it can't be told */
export function readPidsGiven(): PidsGiven | null {
  try {
    // Of another namespace's processes they would be other ones.
    if (limit === null && readlinkSync('/proc/self') !== String(process.pid)) return null;
    limit ??= Number(readFileSync('/proc/sys/kernel/pid_max', 'latin1'));
    const count = Number(/^processes (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1]);
    const last = Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ').at(-1));
    return count > 0 && last > 0 && limit > 0 ? { count, last, limit } : null;
  } catch {
    return null;
  }
}

/**
 * Whether a pid can be that of a process which was started after another one: they are given away in their order.
 * @param first the other one's pid
 * @param before read when that had just been started
 */
export function givenSince(
  first: number,
  before: PidsGiven | null,
  now: PidsGiven | null,
): (pid: number) => boolean {
  // Once all of them may have been given away, any can be.
  if (before === null || now === null || now.count - before.count > now.limit / 2) return () => true;
  return first <= now.last
    ? (pid) => pid >= first && pid <= now.last
    : (pid) => pid >= first || pid <= now.last;
}
