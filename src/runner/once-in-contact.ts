import { setTimeout as sleep } from 'node:timers/promises';
import { DstackError } from '../errors.ts';

/** Codes of errors that pass when the shared repository is back, or another process lets go of a lock. */
const passing = new Set(['unreachable', 'lock']);

/**
 * Does something that needs the shared repository, again and again while that does not answer: an outage must not
 * end a job. What bounds it is the lease.
 * @param isOver there is no more use in it: throws the last error then
 */
export async function onceInContact<T>(act: () => Promise<T>, isOver: () => boolean): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof DstackError && passing.has(error.code)) || isOver()) throw error;
    }
    await sleep(Math.min(2_000, 100 * 2 ** attempt));
  }
}
