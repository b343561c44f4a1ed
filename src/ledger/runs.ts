import { parseCommit } from '../git/object-reader.ts';
import { lastFolded, openArchive } from './archive/read-archive.ts';
import { type JobFile, jobSchema, parseFile, type RecordFile } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { belonging, readClaimTip, readFile } from './live.ts';
import { newestFirst } from './newest-first.ts';
import { type JobId, jobName } from './refs.ts';
import { parseRunMessage, type RunMessage } from './run-message.ts';

/** A run as its commit tells: what was asked for, not what came of it. */
export interface RunCommit {
  readonly name: string;
  readonly commit: string;
  /** The commit that the user was at, if there was one. */
  readonly parent: string | null;
  readonly tree: string;
  /** Milliseconds since 1970, by the submitter's clock. */
  readonly submittedAt: number;
  readonly message: RunMessage;
}

/** So many archived runs are compared with newer ones at most. */
const mostArchived = 100;

/** The runs that are not archived and the newest of those that are, newest first. */
export async function listRuns(ledger: Ledger): Promise<RunCommit[]> {
  const { shared, names } = ledger;
  const refs = await shared.list([names.area('runs')]);
  const found = new Map<string, string>();
  const archive = openArchive(shared, names);
  const tips = await archive.tips();
  const archived = tips.size > 0 ? await lastFolded(archive, tips, mostArchived) : [];
  for (const { run } of archived) found.set(run.name, run.commit);
  await shared.obtain([...found.values()]);
  for (const [ref, commit] of refs) {
    const parsed = names.parse(ref);
    if (parsed?.area === 'runs') found.set(parsed.run, commit);
  }
  const runs = await Promise.all([...found].map(([name, commit]) => readRun(ledger, name, commit)));
  return runs.flatMap((run) => run ?? []).sort(newestFirst);
}

/** A run by its full name, wherever it is. */
export async function findRunCommit(ledger: Ledger, name: string): Promise<RunCommit | null> {
  const ref = ledger.names.run(name);
  const commit = (await ledger.shared.list([ref])).get(ref);
  return commit === undefined ? null : readRun(ledger, name, commit);
}

/** A run by its commit, which a listing has brought here; null if that is none of it. */
export async function readRun({ shared }: Ledger, name: string, commit: string): Promise<RunCommit | null> {
  const object = await shared.read(commit);
  if (object?.type !== 'commit') return null;
  const { tree, parents, committedAt, message: text } = parseCommit(object.content);
  const message = parseRunMessage(text);
  if (message?.run !== name) return null;
  return { name, commit, parent: parents[0] ?? null, tree, submittedAt: committedAt, message };
}

/** The job as it was submitted; null if there is none of this name, or it can't be read. */
export async function readJob({ shared }: Ledger, run: RunCommit, job: string): Promise<JobFile | null> {
  const id = run.message.jobs.get(job);
  const blob = id === undefined ? null : await shared.read(id);
  if (blob?.type !== 'blob') return null;
  try {
    return parseFile(jobSchema, `the job.json of ${jobName({ run: run.name, job })}`, blob.content);
  } catch {
    return null;
  }
}

/** What a finished job was, from its last commit. @throws DstackError if that can't be read */
export async function readFinishedJob(ledger: Ledger, id: JobId, commit: string): Promise<JobFile> {
  const content = Buffer.from(await readFile(ledger, commit, 'job.json'));
  return parseFile(jobSchema, `the job.json of ${jobName(id)}`, content);
}

/** How these jobs have ended, by `run/job`; those that have not, or can't be read, are left out. */
export async function readOutcomes(
  ledger: Ledger,
  ids: readonly JobId[],
): Promise<Map<string, { commit: string; record: RecordFile }>> {
  const { shared, names } = ledger;
  const outcomes = new Map<string, { commit: string; record: RecordFile }>();
  if (ids.length === 0) return outcomes;
  const refs = await shared.list(ids.flatMap((id) => [names.job('jobs', id), names.job('claims', id)]));
  await Promise.all(
    ids.map(async (id) => {
      for (const area of ['claims', 'jobs'] as const) {
        const commit = refs.get(names.job(area, id));
        if (commit === undefined) continue;
        try {
          const tip = belonging(id, await readClaimTip(ledger, commit));
          if (tip.kind === 'finished') outcomes.set(jobName(id), { commit, record: tip.record });
        } catch {
          // Damaged, or of a newer version: as if it were not there.
        }
      }
    }),
  );
  return outcomes;
}
