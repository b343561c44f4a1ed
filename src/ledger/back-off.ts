import type { Clock } from './clock.ts';

/**
 * Waits between tries: doubling from 50 ms to 2 s, with jitter; gives up after `limit` tries. The protocol's own, and not
 * p-retry's, since its time and chance are the ledger's clock, which a simulation stands in for.
 */
export function backOff(
  clock: Pick<Clock, 'sleep' | 'random'>,
  limit: number,
): (attempt: number) => Promise<boolean> {
  return async (attempt) => {
    if (attempt >= limit) return true;
    const delay = Math.min(2_000, 50 * 2 ** (attempt - 1)) * (0.5 + clock.random());
    await clock.sleep(delay);
    return false;
  };
}
