import type { JobSpec, RetryReason } from '../language/job-spec.ts';
import type { ClaimFile } from './formats.ts';
import type { ClaimTip } from './live.ts';
import type { SilenceWatch } from './silence.ts';

/** The longest pause between two attempts, in seconds, before chance comes into it. */
const longestPause = 300;

type Attempts = Pick<ClaimFile, 'attempt' | 'givenBack'>;

/** How many attempts count to the limit: those that were given back have not failed. */
export function countedAttempts({ attempt, givenBack = 0 }: Attempts): number {
  return attempt - givenBack;
}

/** May another attempt follow one that ended so? */
export function mayRetry({ retry }: Pick<JobSpec, 'retry'>, claim: Attempts, why: RetryReason): boolean {
  return retry.on.includes(why) && countedAttempts(claim) <= retry.limit;
}

/** May another attempt follow this claim, which waits for one, or whose runner has fallen silent? */
export function mayFollow(spec: Pick<JobSpec, 'retry'>, claim: ClaimFile): boolean {
  // Whoever let it wait had seen whether there is to be another one, and why.
  if (claim.state === 'waiting') return countedAttempts(claim) <= spec.retry.limit;
  return mayRetry(spec, claim, 'runner-lost');
}

/**
 * Seconds between an attempt and the next: around 1, 2, 4, …, so that what fails at once, over and over, keeps nobody
 * busy, and what failed together is not tried again together.
 */
export function pauseAfter(attempt: number, random: () => number): number {
  return Math.min(longestPause, 2 ** Math.min(20, attempt - 1)) * (0.5 + random());
}

/** The same after an attempt that was given back, of which nothing says that the next one will fail. */
export const pauseAfterGiveBack = 0.1;

/** Shorter waits are not worth a look of their own; seconds. */
const leastWait = 0.1;

/**
 * Seconds until the next pause between two attempts is over; infinite if there is none. One that is over already does
 * not count: who has not taken that job at this look has no reason to look again because of it.
 */
export function untilNextRetry(
  claims: ReadonlyMap<string, ClaimTip>,
  silence: Pick<SilenceWatch, 'silentFor'>,
): number {
  let least = Number.POSITIVE_INFINITY;
  for (const [key, tip] of claims) {
    if (tip.kind !== 'claim' || tip.claim.state !== 'waiting') continue;
    const left = tip.claim.lease - silence.silentFor(key, tip.commit);
    if (left > 0) least = Math.min(least, Math.max(leastWait, left));
  }
  return least;
}
