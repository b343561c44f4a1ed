import { isDeepStrictEqual } from 'node:util';
import {
  type ArchivedRun,
  archivedRunSchema,
  cacheFolder,
  cachePath,
  runPath,
  runsFolder,
  type Shard,
  shardFile,
  shardSchema,
} from '../archive/archived-run.ts';
import { jobSchema, parseFile, type RecordFile, recordSchema } from '../formats.ts';
import { viewJob } from '../job-views.ts';
import { readRunCommit, viewOf } from '../read-state.ts';
import { type JobId, jobName } from '../refs.ts';
import { isSuccess, type JobView, type RunView } from '../state.ts';
import type { Change, Push } from './change.ts';
import { changesIn } from './folder-changes.ts';
import { checkKept } from './keeper-rules.ts';
import { most } from './limits.ts';
import { type Commit, entriesOf, type PushedObjects, refuse } from './objects.ts';

/**
 * An index has all that it had before, and beside that runs of which everything rests: each as its commit and its
 * outcomes say, and kept already, for what it says may lose its refs.
 */
export async function checkIndex({ push, old, next }: Change, shard: string): Promise<void> {
  if (!next) refuse('only an admin deletes what the archive says');
  push.needs('runner', 'admin');
  const { objects, names } = push;
  if (next.parents.join() !== (old?.id ?? '')) refuse('it is not built on the index that is there, alone');
  const before = old && (await readIndex(objects, old));
  const after = await readIndex(objects, next);

  const runs = new Map<string, ArchivedRun>();
  const keepers = new Map<string, string>();
  const files = await changesIn(objects, `its ${runsFolder}`, before?.runs, after.runs);
  const results = await changesIn(objects, `its ${cacheFolder}`, before?.cache, after.cache);
  for (const { path, id, isNew } of files) {
    if (!isNew) refuse(`it has changed ${path}`);
    const text = await objects.blob(id, most.archivedRun, `its ${path}`);
    const archived = parseFile(archivedRunSchema, `its ${path}`, text);
    if (runPath(archived.run.name) !== `${runsFolder}/${path}`)
      refuse(`its ${path} is of the run ${archived.run.name}`);
    await checkArchived(push, archived);
    runs.set(id, archived);
    for (const { commit } of [archived.run, ...archived.run.jobs])
      if (commit !== null) keepers.set(commit, archived.keeper);
  }
  if (runs.size === 0) refuse('it brings no run');
  checkSaid(before?.said ?? null, after.said, [...runs.values()]);
  await checkKept(push, names.archive('keep', shard), keepers);

  for (const { path, id } of results) {
    const keys = Object.keys(runs.get(id)?.cache ?? {});
    if (!keys.some((key) => cachePath(key) === `${cacheFolder}/${path}`))
      refuse(`its ${cacheFolder}/${path} is no result of a run that it brings`);
  }
}

async function readIndex(objects: PushedObjects, commit: Commit) {
  const folders = [runsFolder, cacheFolder];
  const needs = [shardFile, runsFolder];
  const entries = await entriesOf(objects, commit, { needs, may: [cacheFolder], folders });
  const text = await objects.blob(entries.get(shardFile)?.id as string, most.shard, `its ${shardFile}`);
  const said = parseFile(shardSchema, `its ${shardFile}`, text);
  return { said, runs: entries.get(runsFolder)?.id, cache: entries.get(cacheFolder)?.id };
}

function checkSaid(before: Shard | null, after: Shard, runs: readonly ArchivedRun[]): void {
  const count = (before?.runs ?? 0) + runs.length;
  if (after.runs !== count) refuse(`it says that it has ${after.runs} runs, and has ${count}`);
  const brought = runs.map(({ run }) => run.name).sort();
  if ([...after.folded].sort().join() !== brought.join())
    refuse('it says that it brings other runs than it does');
}

/** A run that may be archived now, with all that is said of it. */
async function checkArchived(push: Push, { run, cache }: ArchivedRun): Promise<void> {
  const { names, objects } = push;
  if ((await objects.tip(names.run(run.name))) !== run.commit)
    refuse(`${run.commit} is not what the run ${run.name} points at`);
  const commit = await objects.commit(run.commit);
  const head = commit && readRunCommit(commit);
  if (head?.message.run !== run.name) refuse(`${run.commit} is not the run ${run.name}`);
  const listed = [...head.message.jobs.keys()];
  if (run.jobs.map(({ name }) => name).join() !== listed.join())
    refuse(`the jobs of ${run.name} are others than its commit lists`);
  const records = new Map<string, RecordFile>();
  const jobs: JobView[] = [];
  for (const job of run.jobs) {
    const record = await checkAtRest(push, { run: run.name, job: job.name }, job.commit);
    records.set(job.name, record);
    jobs.push(endedJob(head.submittedAt, job.commit as string, record));
    checkSame(
      jobName({ run: run.name, job: job.name }),
      { ...run, jobs: [job] },
      { ...run, jobs: jobs.slice(-1) },
    );
  }
  checkSame(run.name, run, viewOf(run.name, run.commit, head, jobs));
  for (const [key, name] of Object.entries(cache)) await checkKey(push, key, run, name, records.get(name));
}

/** @returns what the job ended with, which is the commit that is said */
async function checkAtRest(push: Push, id: JobId, commit: string | null): Promise<RecordFile> {
  for (const area of ['queue', 'claims', 'stops'] as const)
    if (await push.holds(push.names.job(area, id))) refuse(`${jobName(id)} is still in ${area}`);
  if (commit === null || (await push.objects.tip(push.names.job('jobs', id))) !== commit)
    refuse(`${commit} is not what ${jobName(id)} has ended with`);
  const record = await readRecord(push, commit);
  if (!record || jobName(record) !== jobName(id)) refuse(`${commit} is not the end of ${jobName(id)}`);
  return record;
}

/** As readers have shown it before. */
function endedJob(submittedAt: string, commit: string, record: RecordFile): JobView {
  const tip = { kind: 'finished', commit, record } as const;
  return viewJob(record, submittedAt, tip, null, { jobs: commit }, false, [], null, null);
}

/** @param expected what the repository itself says; the file has it as its format holds it */
function checkSame(what: string, said: RunView, expected: RunView): void {
  const held = archivedRunSchema.unwrap().shape.run.safeParse(JSON.parse(JSON.stringify(expected)));
  if (!isDeepStrictEqual(held.data, said)) refuse(`what it says of ${what} is not what its commits say`);
}

/** The record is what a runner says; the job was submitted, and with it its key. */
async function checkKey(
  { objects }: Push,
  key: string,
  { name: run, jobs }: RunView,
  job: string,
  record: RecordFile | undefined,
): Promise<void> {
  const commit = jobs.find(({ name }) => name === job)?.commit ?? '';
  const file = await objects.file(commit, 'job.json', most.job);
  const submitted = file && parseFile(jobSchema, 'its job.json', file.content);
  if (submitted?.cacheKey !== key || record?.cacheKey !== key || !isSuccess(record.state))
    refuse(`${jobName({ run, job })} is no result of the key ${key}`);
}

/** The record in a commit with which a job ended; null if there is none. */
export async function readRecord({ objects }: Push, commit: string): Promise<RecordFile | null> {
  const file = await objects.file(commit, 'record.json', most.record);
  return file && parseFile(recordSchema, 'its record.json', file.content);
}

/** What the archive has, by the indexes that are there, may lose its refs. @throws `refused-by-guard` */
export async function checkLeaving(
  push: Push,
  what: string,
  run: string,
  isKept: (archived: RunView) => boolean,
): Promise<void> {
  const archived = await push.archived(run);
  if (!archived || !isKept(archived))
    refuse(`${what} is never changed, and goes only once the archive has it`);
  push.needs('runner');
}

/** Runs that were archived keep their names. @throws `refused-by-guard` */
export async function checkNameIsFree(push: Push, run: string): Promise<void> {
  if (await push.archived(run)) refuse(`there is a run ${run} in the archive`);
}
