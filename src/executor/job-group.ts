import { setTimeout as sleep } from 'node:timers/promises';
import { identityVariables } from './job-environment.ts';
import { givenSince, type PidsGiven, readPidsGiven } from './pids-given.ts';
import { groupIsAlive, hasProc, processesWith, signalProcess, startOf } from './process-table.ts';

/** The processes of one job: a group, and on Linux whoever left it but still carries the job's nonce. */
export interface JobGroup {
  /** Process group id: the pid of the shell that leads it. */
  readonly group: number;
  /** Start of the shell, see `startOf`; `-` if it had ended before it could be asked. */
  readonly start: string;
  readonly nonce: string;
  /** As of its beginning, if that is known: only later processes can be the job's. */
  readonly pids?: PidsGiven | null;
}

export function jobGroup(leader: number, nonce: string): JobGroup {
  return { group: leader, start: startOf(leader) ?? '-', nonce };
}

/** @param leader has been started just now */
export function newJobGroup(leader: number, nonce: string): JobGroup {
  return { ...jobGroup(leader, nonce), pids: readPidsGiven() };
}

/** Sends a signal to every process of the job. */
export function signalJob(job: JobGroup, signal: NodeJS.Signals): void {
  if (isStillOurs(job)) signalProcess(-job.group, signal);
  for (const { pid, group } of bearers(job)) if (group !== job.group) signalProcess(pid, signal);
}

/**
 * Waits until no process of the job is left, or the time (of `performance.now`) has come; it may change meanwhile.
 * Says whether nothing is left.
 */
export async function jobHasEnded(job: JobGroup, deadline: () => number): Promise<boolean> {
  while (jobIsAlive(job)) {
    const left = deadline() - performance.now();
    if (left <= 0) return false;
    await sleep(Math.min(20, left));
  }
  return true;
}

/** SIGKILL until nothing is left. False if something could not be ended (a process stuck in the kernel). */
export async function killJob(job: JobGroup): Promise<boolean> {
  for (let tries = 0; tries < 40; tries++) {
    signalJob(job, 'SIGKILL');
    const deadline = performance.now() + 250;
    if (await jobHasEnded(job, () => deadline)) return true;
  }
  return false;
}

/**
 * SIGKILL to what carries a job's nonce, until nothing does: of one of which not even the group is known. Elsewhere than
 * on Linux nothing is found.
 */
export async function killBearers(nonce: string): Promise<void> {
  if (!hasProc) return;
  for (let tries = 0; tries < 40; tries++) {
    const found = processesWith({ [identityVariables.nonce]: nonce });
    // One that was just being started has got its variables meanwhile.
    if (tries > 0 && found.length === 0) return;
    for (const { pid } of found) signalProcess(pid, 'SIGKILL');
    await sleep(50);
  }
}

/** Is there a process of the job that is not just waiting to be reaped? */
export function jobIsAlive(job: JobGroup): boolean {
  return (isStillOurs(job) && groupIsAlive(job.group)) || bearers(job).length > 0;
}

/**
 * A pid isn't given away while a group goes by it, so a group without its leader is ours or empty; a leader that
 * started at another time is somebody else's.
 */
function isStillOurs(job: JobGroup): boolean {
  const start = startOf(job.group);
  return start === undefined || start === job.start;
}

function bearers(job: JobGroup) {
  if (!hasProc) return [];
  // Reading the environment of every process of a machine takes long.
  const among = givenSince(job.group, job.pids ?? null, readPidsGiven());
  return processesWith({ [identityVariables.nonce]: job.nonce }, among);
}
