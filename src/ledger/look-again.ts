import { backOff } from './back-off.ts';
import type { Ledger } from './ledger.ts';
import { type QueueEntry, readStopRequest } from './live.ts';

/** Is the job still in the queue, without an outcome, and nobody asks for its end? */
export async function lookAgain(
  ledger: Ledger,
  entry: QueueEntry,
): Promise<'waits' | 'to-be-stopped' | 'ended' | 'unknown'> {
  const { shared, names } = ledger;
  const wait = backOff(ledger.clock, 4);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const areas = ['queue', 'jobs', 'stops'] as const;
      const refs = await shared.list(areas.map((area) => names.job(area, entry.id)));
      const queued = refs.get(names.job('queue', entry.id)) === entry.commit;
      if (!queued || refs.has(names.job('jobs', entry.id))) return 'ended';
      const stop = refs.get(names.job('stops', entry.id));
      const request = stop && (await readStopRequest(ledger, stop).catch(() => null));
      return request && request.stop.queue === entry.commit ? 'to-be-stopped' : 'waits';
    } catch {
      if (await wait(attempt)) return 'unknown';
    }
  }
}

/**
 * Has somebody been quicker to claim a job, since the last look? Where looking takes a file or two, that saves a push;
 * elsewhere it would take as long as the push, which tells the same.
 * @param ref of the claim
 * @param from what a claim is to replace, if there is one
 */
export async function isTaken(shared: Ledger['shared'], ref: string, from: string | null): Promise<boolean> {
  if (shared.path === null) return false;
  const tip = (await shared.tips([ref]).catch(() => null))?.get(ref) ?? null;
  return tip !== null && tip !== from;
}
