import { imageOf, movedInputs, sameImage } from '../ledger/image-identity.ts';
import type { QueueEntry } from '../ledger/live.ts';
import { jobName } from '../ledger/refs.ts';
import { isSuccess } from '../ledger/state.ts';
import { verifyBlobs } from '../store/verify-blobs.ts';
import { type FinishedJob, readManifest } from './job-inputs.ts';
import type { Workplace } from './workplace.ts';

type Searcher = Pick<Workplace, 'ledger' | 'reader' | 'store' | 'executors' | 'log'>;

/**
 * A usable result of the same inputs, or null: only what was done, in the images that it would be done in here and now,
 * and only while all its blobs are there. Anything wrong with an entry is a miss.
 */
export async function findCached(work: Searcher, entry: QueueEntry): Promise<FinishedJob | null> {
  const { shared, names } = work.ledger;
  const { cacheKey, useCache } = entry.job;
  if (cacheKey === null || !useCache) return null;
  const ref = names.cache(cacheKey);
  const refs = await shared.list([ref, names.area('claims')]);
  // What has just ended is not in the cache as yet.
  const commits = [...refs].sort(([a], [b]) => Number(b === ref) - Number(a === ref));
  for (const [, commit] of commits) {
    const found = await readResult(work, entry, commit, cacheKey).catch(() => null);
    if (found) return found;
  }
  return null;
}

async function readResult(
  work: Searcher,
  entry: QueueEntry,
  commit: string,
  cacheKey: string,
): Promise<FinishedJob | null> {
  const tip = await work.reader.claimTip(commit);
  if (tip.kind !== 'finished') return null;
  const { record } = tip;
  if (!isSuccess(record.state) || record.cacheKey !== cacheKey) return null;
  const id = { run: record.run, job: record.job };
  const moved = await movedImage(work, entry, record);
  if (moved !== null) {
    work.log.info(
      { job: jobName(entry.id), other: jobName(id), image: moved },
      'a result in the cache is not used: it was made in another image of this name',
    );
    return null;
  }
  const manifest = await readManifest(work.ledger, commit, record);
  if (manifest && (await verifyBlobs(manifest, work.store)).length > 0) return null;
  return { id, commit, record, manifest };
}

/** The name of an image that the result, or what that was made of, owes something to, and that is another one now. */
async function movedImage(
  { ledger, executors }: Searcher,
  { id, job: { spec } }: QueueEntry,
  record: FinishedJob['record'],
): Promise<string | null> {
  const image = imageOf(record);
  if (image !== null && !sameImage(image, await executors.imageNow(spec))) return spec.image;
  const [input] = await movedInputs(ledger, record, { run: id.run, dependsOn: spec.dependsOn });
  return input ? (input.image ?? input.job) : null;
}
