import bytes from 'bytes';
import { formatDuration } from '../human-units.ts';
import type { ClaimFile, RecordFile } from './formats.ts';

// Why a job has not ended well, in words for people: all of it is said here.

/** How commands ended that did not end with 0. */
export function commandsFailed(exitCode: number | null, signal: string | null): string {
  if (signal !== null) return `killed by ${signal}`;
  const meaning = exitCode === null ? undefined : exitCodes[exitCode];
  return `exit code ${exitCode}${meaning ? ` (${meaning})` : ''}`;
}

/** What shells mean by an exit code, where it says more than "it failed". */
const exitCodes: Readonly<Record<number, string>> = {
  126: 'a command could not be executed',
  127: 'a command was not found',
  132: 'a program was killed by SIGILL',
  134: 'a program was killed by SIGABRT',
  135: 'a program was killed by SIGBUS',
  136: 'a program was killed by SIGFPE',
  137: 'a program was killed by SIGKILL',
  139: 'a program was killed by SIGSEGV',
  143: 'a program was killed by SIGTERM',
};

/** @param limit what the job may have, in bytes; null: what the machine has */
export function outOfMemory(limit: number | null): string {
  return `out of memory: ${limit === null ? 'the kernel killed it' : `it may have ${bytes(limit)}`}`;
}

/** @param seconds what the job may take */
export function timedOut(seconds: number): string {
  const limit = formatDuration(seconds * 1000).replace(/(?<=\D)0+[a-z]$/, '');
  return `timeout after ${limit}`;
}

/** Which of several nodes something is said of. */
export function nodeName(rank: number, runner: string): string {
  return `node ${rank} on ${runner}`;
}

/** What became of a node of which nothing is heard any more. */
export const nodeLost = 'its runner fell silent';

export function inputsFailed(words: string): string {
  return `its inputs could not be put in place: ${words}`;
}

export function artifactsFailed(words: string): string {
  return `its artifacts could not be kept: ${words}`;
}

export function logFailed(words: string): string {
  return `its log could not be kept: ${words}`;
}

export function artifactsMissing(paths: readonly string[]): string {
  return `it left no ${paths.join(', ')}, which it declares as artifacts`;
}

export function notCarriedThrough(words: string): string {
  return `its runner could not carry it through: ${words}`;
}

/** @param how what else is to be said: `before it ran` */
export function stoppedBy(by: string, abort: boolean, how = ''): string {
  return `${abort ? 'aborted' : 'stopped'} by ${by}${how}`;
}

/** A claim that has run out, of a job that gets no further attempt. */
export function runnerLost({ lost, runner, host }: ClaimFile): string {
  const times = lost + 1;
  return times === 1
    ? `runner lost: ${runner} on ${host} fell silent`
    : `runner lost ${times} times, the last time ${runner} on ${host}`;
}

/** @param record how a dependency ended, which is not well */
export function dependencyFailed({ job, state, reason }: RecordFile): string {
  // Of one that was skipped itself, what that was for: it names the job that all of it comes from.
  if (state === 'skipped') return reason ?? `${job} was skipped`;
  if (state !== 'failed') return reason === null ? `${job} was ${state}` : `${job} was ${reason}`;
  return `${job} failed${reason === null ? '' : `: ${reason}`}`;
}

export function attemptFailed(attempt: number, reason: string): string {
  return `attempt ${attempt} failed: ${reason}`;
}

export function givenBack({ runner, host }: Pick<ClaimFile, 'runner' | 'host'>): string {
  return `given back by ${runner} on ${host}`;
}

/** Why a claim is followed by another attempt, as the log says it. */
export function whyFollowed(claim: ClaimFile): string {
  return claim.state === 'waiting' ? (claim.detail ?? 'given back') : `${claim.runner} fell silent`;
}
