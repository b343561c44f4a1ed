import type { Ledger } from '../ledger/ledger.ts';
import type { LiveReader, QueueEntry } from '../ledger/live.ts';
import { isSuccess } from '../ledger/state.ts';
import type { Store } from '../store/store.ts';
import { verifyBlobs } from '../store/verify-blobs.ts';
import { type FinishedJob, readManifest } from './job-inputs.ts';

/**
 * A usable result of the same inputs, or null: only what was done, and only while all its blobs are there.
 * Anything wrong with an entry is a miss.
 */
export async function findCached(
  ledger: Ledger,
  reader: LiveReader,
  entry: QueueEntry,
  store: Store,
): Promise<FinishedJob | null> {
  const { shared, names } = ledger;
  const { cacheKey, useCache } = entry.job;
  if (cacheKey === null || !useCache) return null;
  const ref = names.cache(cacheKey);
  const refs = await shared.list([ref, names.area('claims')]);
  // What has just ended is not in the cache as yet.
  const commits = [...refs].sort(([a], [b]) => Number(b === ref) - Number(a === ref));
  for (const [, commit] of commits) {
    const found = await readResult(ledger, reader, commit, cacheKey, store).catch(() => null);
    if (found) return found;
  }
  return null;
}

async function readResult(
  ledger: Ledger,
  reader: LiveReader,
  commit: string,
  cacheKey: string,
  store: Store,
): Promise<FinishedJob | null> {
  const tip = await reader.claimTip(commit);
  if (tip.kind !== 'finished' || !isSuccess(tip.record.state) || tip.record.cacheKey !== cacheKey)
    return null;
  const manifest = await readManifest(ledger, commit, tip.record);
  if (manifest && (await verifyBlobs(manifest, store)).length > 0) return null;
  return { id: { run: tip.record.run, job: tip.record.job }, commit, record: tip.record, manifest };
}
