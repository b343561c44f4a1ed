import pLimit from 'p-limit';
import type { PushOutcome, RefUpdate } from '../git/push.ts';
import { isObjectId } from '../git/repository.ts';
import { backOff } from './back-off.ts';
import { formatVersion, type RecordFile } from './formats.ts';
import { type Ledger, signature } from './ledger.ts';
import { readClaimTip } from './live.ts';
import { logNote } from './log-note.ts';
import { type JobId, jobName } from './refs.ts';

/** A job whose claim says `finished`. */
export interface Finished {
  readonly id: JobId;
  /** The finished claim's commit. */
  readonly commit: string;
  readonly record: RecordFile;
}

/** What a job ended with, from its last commit; null if that is a lease. @throws DstackError if it can't be read */
export async function readFinished(ledger: Ledger, id: JobId, commit: string): Promise<Finished | null> {
  const tip = await readClaimTip(ledger, commit);
  return tip.kind === 'finished' ? { id, commit, record: tip.record } : null;
}

/**
 * Brings the derived refs of finished jobs in line: the job's ref and note, then the end of its queue entry and
 * stop, the cache, last the end of its claim. Whoever sees a finished claim may do this, any number of times, and any
 * part of it may be missing after a crash; the outcome does not depend on it.
 * @returns whether all of it is known to be done
 */
export async function settle(ledger: Ledger, jobs: readonly Finished[]): Promise<boolean> {
  if (jobs.length === 0) return true;
  const { shared } = ledger;
  await shared.obtain(
    jobs.map((job) => job.commit),
    { toBuildOn: true },
  );
  const notes = await writeNotes(ledger, jobs);
  let now = await listOf(ledger, jobs);
  const whole = await settleWhole(ledger, jobs, notes, now);
  if (whole?.ok) return true;
  if (whole) now = await listOf(ledger, jobs);
  const wait = backOff(ledger.clock, 3);
  for (let attempt = 1; ; attempt += 1) {
    const missing = jobs.flatMap((job) => updatesOf(ledger, job, notes, now));
    if (missing.length === 0) break;
    const pushed = await shared.push(missing);
    if (pushed.ok) {
      now = applied(now, missing);
      continue;
    }
    if (await wait(attempt)) break;
    // It may have been applied in part, and others settle, too.
    now = await listOf(ledger, jobs);
  }
  // In a push of its own, the last writer wins; nothing depends on it but work that is saved.
  await shared.push(cacheEntries(ledger, jobs, now));
  const removed = await shared.push(endedClaims(ledger, jobs, now));
  return removed.ok && jobs.every((job) => updatesOf(ledger, job, notes, now).length === 0);
}

/** Does all in one, where that is as safe as one after the other. */
async function settleWhole(
  ledger: Ledger,
  jobs: readonly Finished[],
  notes: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): Promise<PushOutcome | null> {
  const missing = jobs.flatMap((job) => updatesOf(ledger, job, notes, now));
  const ended = endedClaims(ledger, jobs, applied(now, missing));
  const updates = [...missing, ...cacheEntries(ledger, jobs, now), ...ended];
  return (updates.length > 0 && (await ledger.shared.pushWhole?.(updates))) || null;
}

async function writeNotes(ledger: Ledger, jobs: readonly Finished[]): Promise<Map<string, string>> {
  // Of long logs not all at once.
  const inTurn = pLimit(8);
  const write = async ({ id, commit, record }: Finished): Promise<[ref: string, note: string]> => {
    const text = await logNote(ledger.shared, commit, record);
    const [note] = await ledger.shared.write([
      {
        parents: [],
        files: [{ path: record.runCommit, content: text }],
        message: `log of ${jobName(id)}\n\nDstack-Format: ${formatVersion}\n`,
        author: { ...signature(ledger), time: Date.parse(record.finishedAt) || 0 },
      },
    ]);
    return [ledger.names.note(id), note as string];
  };
  const noted = jobs.filter((job) => isObjectId(job.record.runCommit));
  return new Map(await Promise.all(noted.map((job) => inTurn(() => write(job)))));
}

/** Only the refs of these jobs: their run may have thousands of others. */
function listOf({ shared, names }: Ledger, jobs: readonly Finished[]): Promise<ReadonlyMap<string, string>> {
  const areas = ['queue', 'claims', 'jobs', 'stops'] as const;
  return shared.list(jobs.flatMap(({ id }) => [...areas.map((area) => names.job(area, id)), names.note(id)]));
}

/** What is missing of a finished job's settling, but for the end of its claim. */
function updatesOf(
  { names }: Ledger,
  { id, commit }: Finished,
  notes: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): (RefUpdate & { from: string | null })[] {
  const create = (ref: string, to: string | undefined) =>
    to && !now.has(ref) ? [{ ref, from: null, to }] : [];
  const remove = (ref: string) => {
    const from = now.get(ref);
    return from === undefined ? [] : [{ ref, from, to: null }];
  };
  return [
    ...create(names.job('jobs', id), commit),
    ...create(names.note(id), notes.get(names.note(id))),
    // Whatever object it is: a queue entry beside a record is garbage.
    ...remove(names.job('queue', id)),
    ...remove(names.job('stops', id)),
  ];
}

function applied(refs: ReadonlyMap<string, string>, updates: readonly RefUpdate[]): Map<string, string> {
  const next = new Map(refs);
  for (const { ref, to } of updates) {
    if (to === null) next.delete(ref);
    else next.set(ref, to);
  }
  return next;
}

/** Points the cache at what was done. Before the claim goes: whoever waits for a result of this key finds one of the two. */
function cacheEntries(
  { names }: Ledger,
  jobs: readonly Finished[],
  now: ReadonlyMap<string, string>,
): RefUpdate[] {
  const entries = jobs.flatMap(({ id, commit, record: { state, cacheKey } }) =>
    state === 'done' && cacheKey !== null && now.has(names.job('claims', id))
      ? [{ ref: names.cache(cacheKey), from: undefined, to: commit }]
      : [],
  );
  return [...new Map(entries.map((entry) => [entry.ref, entry])).values()];
}

/**
 * The claim goes last, and only once the outcome rests elsewhere and the queue entry is gone: a claim that could be
 * created after the end must find that out. A note that can't be written (something is in its way) holds up nothing.
 */
function endedClaims(
  { names }: Ledger,
  jobs: readonly Finished[],
  now: ReadonlyMap<string, string>,
): RefUpdate[] {
  return jobs.flatMap(({ id }) => {
    const ref = names.job('claims', id);
    const ended = now.has(names.job('jobs', id)) && !now.has(names.job('queue', id));
    // Any object: a lease beside an outcome is what a claim that came late has left.
    const tip = now.get(ref);
    return ended && tip !== undefined ? [{ ref, from: tip, to: null }] : [];
  });
}
