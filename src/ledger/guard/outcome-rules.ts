import { jobSchema, parseFile, recordSchema } from '../formats.ts';
import { streams } from '../log-chunks.ts';
import type { JobId } from '../refs.ts';
import { isSuccess, type JobView } from '../state.ts';
import { checkLeaving, readRecord } from './archive-rules.ts';
import { type Change, checkNoParents, type Push } from './change.ts';
import { readClaim } from './claim-rules.ts';
import { most } from './limits.ts';
import { type Commit, entriesOf, refuse } from './objects.ts';

/** An outcome is what the job's claim ended with, and nothing else. */
export async function checkOutcome({ push, old, next }: Change, id: JobId): Promise<void> {
  if (old && !next) return checkLeavingAfter(push, 'an outcome', id, old.id);
  if (old || !next) refuse('an outcome is never changed');
  push.needs('runner', 'submitter');
  const claim = await push.holds(push.names.job('claims', id));
  if (claim?.id !== next.id) refuse('it is not what its claim has ended with');
  if ((await readClaim(push, next, id)).kind !== 'end') refuse('its claim has not ended');
}

/** What is left of a job may go after its run: whoever finds that looks for the rest beside it. */
async function checkLeavingAfter(push: Push, what: string, id: JobId, commit: string | null): Promise<void> {
  const isKept = (job: JobView) => job.name === id.job && (commit === null || job.commit === commit);
  await checkLeaving(push, what, id.run, ({ jobs }) => jobs.some(isKept));
  if (!(await push.isGone(push.names.run(id.run)))) refuse(`the run ${id.run} has to go before it`);
}

/** A log is a note on its job's run, and on no other commit. */
export async function checkNote({ push, old, next }: Change, id: JobId): Promise<void> {
  if (old && !next) return checkLeavingAfter(push, 'a log', id, null);
  if (old || !next) refuse('a log is never changed');
  push.needs('runner', 'submitter');
  checkNoParents(next);
  const run = await push.run(id.run);
  if (!run) refuse('there is no such run');
  const entries = await push.objects.tree(next.tree);
  const note = entries.get(run.commit);
  if (entries.size !== 1 || note?.kind !== 'file') refuse(`it is no note on the run ${id.run} alone`);
  await push.objects.bounded(note.id, most.note, 'it');
  if (!(await hasEnded(push, id))) refuse('its job has not ended');
}

async function hasEnded(push: Push, id: JobId): Promise<boolean> {
  if ((await push.outcome(id)) !== null) return true;
  const claim = await push.holds(push.names.job('claims', id));
  return claim !== null && (await readClaim(push, claim, id)).kind === 'end';
}

/** The cache points at results that are there, each under its own key. */
export async function checkCache({ push, old, next }: Change, key: string): Promise<void> {
  push.needs('runner');
  if (old && !next) return checkLeavesCache(push, old);
  if (!next) refuse('it holds nothing');
  if (!/^[0-9a-f]{64}$/.test(key)) refuse('it is no key');
  const entries = await entriesOf(push.objects, next, {
    needs: ['job.json', 'record.json'],
    may: ['artifacts.json', 'log-tail', 'usage.json', ...streams],
    folders: streams,
  });
  const text = (name: string, bytes: number) =>
    push.objects.blob(entries.get(name)?.id as string, bytes, `its ${name}`);
  const record = parseFile(recordSchema, 'its record.json', await text('record.json', most.record));
  // The job was submitted, and with it its key; the record is what its runner says.
  const job = parseFile(jobSchema, 'its job.json', await text('job.json', most.job));
  if (job.cacheKey !== key || record.cacheKey !== key || !isSuccess(record.state))
    refuse('it is no result of this key');
  for (const area of ['jobs', 'claims'] as const)
    if ((await push.holds(push.names.job(area, record)))?.id === next.id) return;
  refuse('it is the outcome of no job');
}

async function checkLeavesCache(push: Push, old: Commit): Promise<void> {
  const record = await readRecord(push, old.id);
  const isKept = (job: JobView) => job.name === record?.job && job.commit === old.id;
  const run = record && (await push.archived(record.run));
  if (!run?.jobs.some(isKept)) refuse('only an admin takes results out of the cache that no archive has');
}
