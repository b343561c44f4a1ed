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
  const { cacheKey, useCache } = entry.job;
  if (cacheKey === null || !useCache) return null;
  const ref = ledger.names.cache(cacheKey);
  const commit = (await ledger.shared.list([ref])).get(ref);
  if (!commit) return null;
  try {
    const tip = await reader.claimTip(commit);
    if (tip.kind !== 'finished' || !isSuccess(tip.record.state) || tip.record.cacheKey !== cacheKey)
      return null;
    const manifest = await readManifest(ledger, commit, tip.record);
    if (manifest && (await verifyBlobs(manifest, store)).length > 0) return null;
    return { id: { run: tip.record.run, job: tip.record.job }, commit, record: tip.record, manifest };
  } catch {
    return null;
  }
}
