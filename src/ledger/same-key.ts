import type { Ledger } from './ledger.ts';
import type { ClaimTip, Live, LiveReader, QueueEntry } from './live.ts';
import { type JobId, jobName } from './refs.ts';
import type { SilenceWatch } from './silence.ts';

/** Somebody's claim on a job that gives the same result. */
export interface Maker {
  readonly id: JobId;
  readonly commit: string;
  /** It hasn't been renewed for its lease: nothing is to be expected of it. */
  readonly silent: boolean;
}

/**
 * Who has claimed what, by the key of its result. A job with that key need not be executed meanwhile: it can take
 * the result, or begin when that has failed.
 */
export function makersByKey(
  live: Pick<Live, 'queue' | 'claims'>,
  silence: Pick<SilenceWatch, 'silentFor'>,
  own: ReadonlySet<string>,
): Map<string, Maker[]> {
  const makers = new Map<string, Maker[]>();
  for (const [key, tip] of live.claims) {
    const entry = live.queue.get(key);
    const cacheKey = entry?.job.cacheKey;
    if (!entry || !cacheKey || !isHeld(tip)) continue;
    const silent = !own.has(key) && silence.silentFor(key, tip.commit) >= tip.claim.lease;
    const maker = { id: entry.id, commit: tip.commit, silent };
    makers.set(cacheKey, [...(makers.get(cacheKey) ?? []), maker]);
  }
  return makers;
}

/** Those of the makers that a job would do the same as. */
export function othersOf(makers: ReadonlyMap<string, readonly Maker[]>, { id, job }: QueueEntry): Maker[] {
  // Who does not take a result from another need not wait for it.
  if (!job.useCache || job.cacheKey === null) return [];
  const self = jobName(id);
  return (makers.get(job.cacheKey) ?? []).filter((maker) => jobName(maker.id) !== self);
}

/**
 * The other job for whose result a job that was just claimed is to be given back, or null. Of two that were claimed at
 * the same time the one whose name comes first goes on, since both look only once they have claimed.
 * @param silent claims of which nothing is to be expected
 * @throws DstackError if the shared repository can't be reached
 */
export async function yieldsTo(
  { shared, names }: Ledger,
  reader: LiveReader,
  entry: QueueEntry,
  silent: ReadonlySet<string>,
): Promise<JobId | null> {
  if (!entry.job.useCache || entry.job.cacheKey === null) return null;
  const self = jobName(entry.id);
  const refs = await shared.list([names.area('queue'), names.area('claims')]);
  for (const [ref, commit] of refs) {
    const id = names.parse(ref);
    if (id?.area !== 'claims' || jobName(id) === self || silent.has(commit)) continue;
    const queued = refs.get(names.job('queue', id));
    if (queued === undefined) continue;
    try {
      const other = await reader.queueEntry(id, queued);
      if (other.job.cacheKey !== entry.job.cacheKey) continue;
      const tip = await reader.claimTip(commit);
      const begun = isHeld(tip) && tip.claim.state !== 'claimed';
      if (begun || (isHeld(tip) && jobName(id) < self)) return { run: id.run, job: id.job };
    } catch {
      // What can't be read can't be waited for.
    }
  }
  return null;
}

/** Is somebody at it? A claim that waits for another attempt is nobody's. */
function isHeld(tip: ClaimTip): tip is Extract<ClaimTip, { kind: 'claim' }> {
  return tip.kind === 'claim' && tip.claim.state !== 'waiting';
}
