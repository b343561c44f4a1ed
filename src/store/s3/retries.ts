import { setTimeout as sleep } from 'node:timers/promises';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { isDamagedOnItsWay, statusOf } from './s3-errors.ts';

/** How long a service is waited for, in milliseconds. */
export interface Patience {
  /** Until a connection is made. */
  readonly connect: number;
  /** Of a connection on which nothing passes, in either direction. */
  readonly silence: number;
  /** Of a service that has answered before and now fails, or is away: as long as it may take to start again. */
  readonly outage: number;
}

export const usualPatience: Patience = { connect: 10_000, silence: 60_000, outage: 60_000 };

/** So often each call is made at least, whatever time that takes: a time-out alone may be as long as an outage. */
const fewest = 3;

/** Pauses in milliseconds: before the first repetition, doubled before each further one up to the longest. */
const pauses = { failed: { first: 100, longest: 5_000 }, throttled: { first: 1_000, longest: 20_000 } };

type Strategy = Extract<NonNullable<S3ClientConfig['retryStrategy']>, { acquireInitialRetryToken: unknown }>;
type Token = Awaited<ReturnType<Strategy['acquireInitialRetryToken']>>;
type Failure = Parameters<Strategy['refreshRetryTokenForRetry']>[1];

interface Call extends Token {
  /** When it failed first, by a clock that nobody sets; null: not yet. */
  readonly failing: number | null;
}

function call(count: number, failing: number | null): Call {
  return { failing, getRetryCount: () => count, getRetryDelay: () => 0 };
}

/**
 * When a failed call is made again. The SDK's own strategies count attempts, which are over within seconds where the
 * service refuses connections, and share them between the calls of a client: when a service is started anew, the more is
 * being sent, the sooner they give up.
 * @param answered whether the service has ever answered; one that hasn't is likelier to be named wrong than to be away
 */
export function retriesWhile(answered: () => boolean, { outage }: Patience): Strategy {
  return {
    async acquireInitialRetryToken() {
      return call(0, null);
    },
    async refreshRetryTokenForRetry(token, failure) {
      const now = performance.now();
      const failing = (token as Call).failing ?? now;
      const made = token.getRetryCount() + 1;
      const isWaitedFor = answered() && isOutage(failure) && now - failing < outage;
      // The SDK throws what the call failed with.
      if (!mayPass(failure) || !(made < fewest || isWaitedFor)) throw new Error('not again');
      await sleep(pauseBefore(made, failure));
      return call(made, failing);
    },
    recordSuccess() {},
  };
}

/** No answer, or one that says that it can't answer now. */
function isOutage({ error }: Failure): boolean {
  const status = statusOf(error);
  return status === undefined || status === 429 || status >= 500;
}

function mayPass({ errorType, error }: Failure): boolean {
  return errorType === 'TRANSIENT' || errorType === 'THROTTLING' || isDamagedOnItsWay(error);
}

/** At random up to its length, so that those who fail together do not come back together. */
function pauseBefore(repetition: number, { errorType, retryAfterHint }: Failure): number {
  const { first, longest } = errorType === 'THROTTLING' ? pauses.throttled : pauses.failed;
  const pause = Math.random() * Math.min(longest, first * 2 ** (repetition - 1));
  const asked = retryAfterHint === undefined ? 0 : retryAfterHint.getTime() - Date.now();
  return Math.max(pause, Math.min(asked, pauses.throttled.longest));
}
