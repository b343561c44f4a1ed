import { stat } from 'node:fs/promises';
import { normalize } from 'node:path';
import type { Logger } from 'pino';
import { staleAfter } from '../git/stale-locks.ts';
import type { Clock } from '../ledger/clock.ts';

/**
 * Tells once of each lock file that stands in the way of pushes for too long, or has long been there. Git's words name
 * it, wherever the repository is.
 * @returns to be told the words of a push that failed
 */
export function openLockComplaints(
  log: Pick<Logger, 'warn'>,
  clock: Pick<Clock, 'monotonic'>,
): (words: string) => Promise<void> {
  const seenFirst = new Map<string, number>();
  const told = new Set<string>();
  return async (words) => {
    for (const match of words.matchAll(/Unable to create '([^']+\.lock)': File exists/g)) {
      const lock = normalize(match[1] as string);
      const first = seenFirst.get(lock) ?? clock.monotonic();
      seenFirst.set(lock, first);
      const isOld = clock.monotonic() - first >= staleAfter || (await ageOf(lock)) >= staleAfter;
      if (!isOld || told.has(lock)) continue;
      told.add(lock);
      log.warn(
        { lock },
        'a lock file stands in the way of pushes, left by a killed Git: `dstack runner check --fix` on that machine removes it',
      );
    }
  };
}

/** Seconds; 0 where it can't be seen from here. */
async function ageOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => null);
  return found ? (Date.now() - found.mtimeMs) / 1000 : 0;
}
