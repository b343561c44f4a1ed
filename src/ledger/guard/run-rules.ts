import { parseTrailers } from '../../git/object-reader.ts';
import { jobSchema, parseFile } from '../formats.ts';
import { type JobId, jobName } from '../refs.ts';
import { parseRunMessage } from '../run-message.ts';
import { checkLeaving, checkNameIsFree } from './archive-rules.ts';
import { type Change, checkNoParents, type Push } from './change.ts';
import { most } from './limits.ts';
import { type Commit, entriesOf, refuse } from './objects.ts';

/** A run is created once, under the name that it gives itself. */
export async function checkRun({ push, old, next }: Change, run: string): Promise<void> {
  if (old && !next) return checkLeaving(push, 'a run', run, ({ commit }) => commit === old.id);
  if (old || !next) refuse('a run is never changed');
  push.needs('submitter');
  await checkNameIsFree(push, run);
  const message = parseRunMessage(next.message);
  if (!message) refuse('its message is not that of a run');
  if (message.run !== run) refuse(`it is the run ${message.run}`);
  if (message.jobs.size === 0) refuse('it has no jobs');
  if (next.parents.length > 1) refuse('a run has one parent at most');
}

/** A queue entry says of itself which job of which run it is; once the run is there, that has the last word. */
export async function checkQueue({ push, ref, old, next }: Change, id: JobId): Promise<void> {
  const run = await push.run(id.run);
  if (!next) {
    push.needs('submitter', 'runner');
    const ofThisRun = run?.isThere && old && runCommitOf(old) === run.commit;
    if (ofThisRun && (await push.outcome(id)) === null) refuse('the job has not ended');
    return;
  }
  push.needs('submitter');
  if (!run?.isThere) await checkNameIsFree(push, id.run);
  const { blob, runCommit } = await checkEntry(push, next, id);
  const isListed = run?.commit === runCommit && run.message?.jobs.get(id.job) === blob;
  if (run && !isListed) refuse(`the run ${id.run} does not list this job`);
  // Of two who drew the same name at once one may have an entry among the other's.
  if (old && (!run?.isThere || runCommitOf(old) === run.commit)) refuse(`${ref} has an entry`);
}

/** @returns what it says its run is, and what it wants executed */
async function checkEntry(
  { objects }: Push,
  commit: Commit,
  id: JobId,
): Promise<{ blob: string; runCommit: string }> {
  checkNoParents(commit);
  const blob = (await entriesOf(objects, commit, { needs: ['job.json'] })).get('job.json')?.id as string;
  const job = parseFile(jobSchema, 'its job.json', await objects.blob(blob, most.job, 'its job.json'));
  if (job.run !== id.run || job.spec.name !== id.job)
    refuse(`it is the job ${jobName({ run: job.run, job: job.spec.name })}`);
  const runCommit = runCommitOf(commit);
  if (runCommit === null) refuse('it names no run commit');
  return { blob, runCommit };
}

export function runCommitOf(entry: Commit): string | null {
  return new Map(parseTrailers(entry.message)).get('Dstack-Run-Commit') ?? null;
}

/** A tag is on a run. */
export async function checkTag({ push, next }: Change): Promise<void> {
  push.needs('submitter');
  if (!next) return;
  const message = parseRunMessage(next.message);
  const run = message && ((await push.run(message.run)) ?? (await push.archived(message.run)));
  if (run?.commit !== next.id) refuse('it is on no run');
}
