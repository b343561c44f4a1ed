import { isObjectId } from '../git/repository.ts';
import { writeCommits } from '../git/write-commits.ts';
import { formatVersion, type RecordFile } from './formats.ts';
import { type Ledger, signature } from './ledger.ts';
import { logNote } from './log-note.ts';
import { type JobId, jobName, noteRef } from './refs.ts';

/** A job whose claim says `finished`. */
export interface Finished {
  readonly id: JobId;
  /** The finished claim's commit. */
  readonly commit: string;
  readonly record: RecordFile;
}

/**
 * Brings the derived refs of finished jobs in line: the job's ref and note, then the end of its queue entry and
 * stop, last of its claim. Whoever sees a finished claim may do this, any number of times, and any part of it may
 * be missing after a crash; the outcome does not depend on it.
 * @returns whether all of it is known to be done
 */
export async function settle(ledger: Ledger, jobs: readonly Finished[]): Promise<boolean> {
  if (jobs.length === 0) return true;
  const { shared, names } = ledger;
  await shared.obtain(jobs.map((job) => job.commit));
  const notes = new Map<string, string>();
  for (const job of jobs) {
    if (!isObjectId(job.record.runCommit)) continue;
    const text = await logNote(shared, job.commit, job.record);
    const [note] = await writeCommits(shared.local, [
      {
        parents: [],
        files: [{ path: job.record.runCommit, content: text }],
        message: `log of ${jobName(job.id)}\n\nDstack-Format: ${formatVersion}\n`,
        author: { ...signature(ledger), time: Date.parse(job.record.finishedAt) || 0 },
      },
    ]);
    notes.set(noteRef(job.id), note as string);
  }
  const runs = [...new Set(jobs.map((job) => job.id.run))];
  const now = await shared.list([
    ...runs.flatMap((run) =>
      (['queue', 'claims', 'jobs', 'stops'] as const).map((area) => names.ofRun(area, run)),
    ),
    ...notes.keys(),
  ]);

  const first = jobs.flatMap(({ id, commit, record }) => {
    const updates: { ref: string; from: string | null; to: string | null }[] = [];
    const jobRef = names.job('jobs', id);
    if (!now.has(jobRef)) updates.push({ ref: jobRef, from: null, to: commit });
    const note = notes.get(noteRef(id));
    if (note && !now.has(noteRef(id))) updates.push({ ref: noteRef(id), from: null, to: note });
    const queued = now.get(names.job('queue', id));
    if (queued && queued === record.queue)
      updates.push({ ref: names.job('queue', id), from: queued, to: null });
    const stop = now.get(names.job('stops', id));
    if (stop) updates.push({ ref: names.job('stops', id), from: stop, to: null });
    return updates;
  });
  const pushed = await shared.push(first);
  // The claim goes last, and only once the outcome is known to rest elsewhere: a claim that could be created
  // after the end must find the job's ref.
  const resting = pushed.ok ? null : await shared.list(runs.map((run) => names.ofRun('jobs', run)));
  const claims = jobs
    .filter(({ id, commit }) => resting === null || resting.get(names.job('jobs', id)) === commit)
    .flatMap(({ id, commit }) => {
      const ref = names.job('claims', id);
      return now.get(ref) === commit ? [{ ref, from: commit, to: null }] : [];
    });
  const removed = await shared.push(claims);
  return pushed.ok && removed.ok;
}

/** Points the cache at a record of this key. In a push of its own; the last writer wins. */
export async function publishToCache(ledger: Ledger, key: string, commit: string): Promise<boolean> {
  const outcome = await ledger.shared.push([{ ref: ledger.names.cache(key), from: undefined, to: commit }]);
  return outcome.ok;
}
