import { backOff } from './back-off.ts';
import type { Ledger } from './ledger.ts';
import type { ClaimTip, Live, LiveReader, QueueEntry } from './live.ts';
import { type JobId, jobName, type RefNames } from './refs.ts';
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

/** So often is it looked whether another job has begun: for some seconds, in which a slow host takes a push. */
const mostLooks = 9;

/**
 * The other job for whose result a job that was just claimed is to be given back, or null. Each looks once it has claimed,
 * so that of two at least one sees the other, and the one whose name comes first goes on. Yet the other may have looked
 * before there was anything to be seen: it is waited for until it has begun, or was given back. If it takes its time,
 * this one is given back all the same: it must not hold what the other may need.
 * @param silent claims of which nothing is to be expected
 * @throws DstackError if the shared repository can't be reached
 */
export async function yieldsTo(
  { shared, names, clock }: Ledger,
  reader: LiveReader,
  entry: QueueEntry,
  silent: ReadonlySet<string>,
): Promise<JobId | null> {
  if (!entry.job.useCache || entry.job.cacheKey === null) return null;
  const wait = backOff(clock, mostLooks);
  let awaited: JobId | null = null;
  for (let attempt = 1; ; attempt += 1) {
    const refs = await shared.list([names.area('queue'), names.area('claims')]);
    // It has ended, and left something perhaps.
    if (awaited && !refs.has(names.job('queue', awaited))) return awaited;
    const others = await claimsOfSame(names, reader, entry, refs, silent);
    const first = others.find(({ id, state }) => {
      if (state === 'ended') return awaited !== null && jobName(id) === jobName(awaited);
      return state === 'begun' || jobName(id) < jobName(entry.id);
    });
    if (first) return first.id;
    const undecided = others.find(({ state }) => state === 'claimed');
    if (!undecided) return null;
    awaited = undecided.id;
    if (await wait(attempt)) return awaited;
  }
}

/** How far those are that have claimed a job of the same result. */
interface SameClaim {
  readonly id: JobId;
  /** Of one that is `claimed` it isn't known whether its commands have begun. */
  readonly state: 'claimed' | 'begun' | 'ended';
}

async function claimsOfSame(
  names: RefNames,
  reader: LiveReader,
  entry: QueueEntry,
  refs: ReadonlyMap<string, string>,
  silent: ReadonlySet<string>,
): Promise<SameClaim[]> {
  const found: SameClaim[] = [];
  for (const [ref, commit] of refs) {
    const id = names.parse(ref);
    if (id?.area !== 'claims' || jobName(id) === jobName(entry.id) || silent.has(commit)) continue;
    const queued = refs.get(names.job('queue', id));
    if (queued === undefined) continue;
    try {
      const other = await reader.queueEntry(id, queued);
      if (other.job.cacheKey !== entry.job.cacheKey) continue;
      const tip = await reader.claimTip(commit);
      if (tip.kind === 'finished') found.push({ id: other.id, state: 'ended' });
      else if (isHeld(tip))
        found.push({ id: other.id, state: tip.claim.state === 'claimed' ? 'claimed' : 'begun' });
    } catch {
      // What can't be read can't be waited for.
    }
  }
  return found;
}

/** Is somebody at it? A claim that waits for another attempt is nobody's. */
function isHeld(tip: ClaimTip): tip is Extract<ClaimTip, { kind: 'claim' }> {
  return tip.kind === 'claim' && tip.claim.state !== 'waiting';
}
