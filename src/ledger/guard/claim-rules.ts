import {
  type ClaimFile,
  claimSchema,
  parseFile,
  type RecordFile,
  recordSchema,
  stopSchema,
} from '../formats.ts';
import { streams } from '../log-chunks.ts';
import { type JobId, jobName } from '../refs.ts';
import type { Change, Push } from './change.ts';
import { endFault, stepFault } from './claim-step.ts';
import { longestLease, most, mostSteps } from './limits.ts';
import { type Commit, type Entry, entriesOf, refuse } from './objects.ts';
import { checkGrows } from './stream-rules.ts';

/** What a job has told while it ran: its streams by name. */
type Told = ReadonlyMap<string, Entry>;

interface Lease {
  readonly kind: 'lease';
  readonly claim: ClaimFile;
  readonly told: Told;
}

interface End {
  readonly kind: 'end';
  readonly record: RecordFile;
  /** What was executed, by the blob of its `job.json`. */
  readonly blob: string;
  readonly told: Told;
}

/** A claim goes from step to step, to an end that is never changed, and goes once that rests elsewhere. */
export async function checkClaim(change: Change, id: JobId): Promise<void> {
  const { push, old, next } = change;
  // In this very push it may fail, and the claim go.
  const rests = (await push.objects.tip(push.names.job('jobs', id))) !== null;
  if (!next && rests) return push.needs('runner', 'submitter');
  const before = old && (await readClaim(push, old, id));
  if (before?.kind === 'end')
    refuse(next ? 'a claim that has ended stays as it is' : 'its outcome rests nowhere else');
  const after = next && (await readClaim(push, next, id));
  const said = after?.kind === 'end' ? after.record : (after ?? before)?.claim;
  await checkRole(push, id, said?.queue);
  if (!after || !next) return checkWithdrawal(push, id, before?.claim ?? null);

  if (after.kind === 'end') {
    if (rests) refuse('the job has an outcome already');
    await checkEnd(push, id, after, before?.claim ?? null);
  } else {
    const fault = stepFault(before?.claim ?? null, after.claim);
    if (fault !== null) refuse(fault);
    await checkKnown(push, id);
  }
  const isRenewal =
    before &&
    after.kind === 'lease' &&
    after.claim.state !== 'waiting' &&
    after.claim.attempt === before.claim.attempt;
  if (before && !isRenewal && next.parents.length === 0) refuse('it has lost its history');
  await checkHistory(push, id, old, next, after.kind === 'end');
  for (const stream of streams)
    await checkGrows(push.objects, stream, before?.told.get(stream), after.told.get(stream));
}

/** Reads it, with everything in it of the kind and size that it may have. */
export async function readClaim({ objects }: Push, commit: Commit, id: JobId): Promise<Lease | End> {
  const isEnd = (await objects.tree(commit.tree)).has('record.json');
  const entries = await entriesOf(objects, commit, {
    needs: isEnd ? ['job.json', 'record.json'] : ['claim.json'],
    may: ['artifacts.json', ...streams, ...(isEnd ? ['log-tail', 'usage.json'] : [])],
    folders: streams,
  });
  const blob = (name: string) => entries.get(name)?.id as string;
  if (entries.has('artifacts.json'))
    await objects.bounded(blob('artifacts.json'), most.manifest, 'its artifacts.json');
  if (isEnd) {
    const text = await objects.blob(blob('record.json'), most.record, 'its record.json');
    const record = parseFile(recordSchema, 'its record.json', text);
    checkSame(id, record);
    await objects.bounded(blob('job.json'), most.job, 'its job.json');
    if (entries.has('log-tail')) await objects.bounded(blob('log-tail'), most.logTail, 'its log-tail');
    if (entries.has('usage.json')) await objects.bounded(blob('usage.json'), most.small, 'its usage.json');
    return { kind: 'end', record, blob: blob('job.json'), told: entries };
  }
  const text = await objects.blob(blob('claim.json'), most.small, 'its claim.json');
  const claim = parseFile(claimSchema, 'its claim.json', text);
  checkSame(id, claim);
  if (claim.lease > longestLease) refuse(`its lease is longer than ${longestLease} seconds`);
  return { kind: 'lease', claim, told: entries };
}

function checkSame(id: JobId, said: JobId): void {
  if (jobName(said) !== jobName(id)) refuse(`it is of the job ${jobName(said)}`);
}

/** Who stops a job that nobody has ends it by a claim like any other. */
async function checkRole(push: Push, id: JobId, queue: string | undefined): Promise<void> {
  if (push.is('runner')) return;
  const stop = push.is('submitter') ? await push.holds(push.names.job('stops', id)) : null;
  if (stop === null) return push.needs('runner');
  const entries = await entriesOf(push.objects, stop, { needs: ['stop.json'] });
  const text = await push.objects.blob(entries.get('stop.json')?.id as string, most.small, 'its stop.json');
  if (parseFile(stopSchema, 'its stop.json', text).queue !== queue) push.needs('runner');
}

/** Whoever gives a first attempt back leaves nothing to remember; nor does what stands beside no job. */
async function checkWithdrawal(push: Push, id: JobId, claim: ClaimFile | null): Promise<void> {
  if (claim === null || (claim.attempt === 1 && claim.state !== 'waiting')) return;
  const entry = await push.holds(push.names.job('queue', id));
  if (entry?.id === claim.queue) refuse('what came of its attempts would be forgotten');
}

/** A job of which nobody has heard has no claim. */
async function checkKnown(push: Push, id: JobId): Promise<void> {
  if (await push.holds(push.names.job('queue', id))) return;
  const run = await push.run(id.run);
  if (!run?.isThere) refuse('there is no such job');
}

async function checkEnd(
  push: Push,
  id: JobId,
  { record, blob }: End,
  before: ClaimFile | null,
): Promise<void> {
  const run = await push.run(id.run);
  // Who brings a run with its outcomes has executed it elsewhere, where nobody could have claimed it.
  const isBrought = run !== null && !run.isThere && before === null;
  if (isBrought) push.needs('runner');
  const fault = isBrought ? null : endFault(before, record);
  if (fault !== null) refuse(fault);
  if (!run || (!run.isThere && !isBrought) || record.runCommit !== run.commit)
    refuse(`it is of another run than ${id.run}`);
  if (run.message?.jobs.get(id.job) !== blob) refuse(`the run ${id.run} does not list this job.json`);
  const asked = record.state === 'stopped' || record.state === 'aborted';
  if (!asked) push.needs('runner');
}

/**
 * A claim is built on the one before, or takes its place. Its holder may not know that it has moved on: the answer to
 * his last push was lost. Then it is built on the one before that, in whose place that last one came.
 */
async function checkHistory(
  push: Push,
  id: JobId,
  old: Commit | null,
  next: Commit,
  isBrought: boolean,
): Promise<void> {
  const { objects } = push;
  const parents = next.parents.join();
  if (old === null) {
    if (parents === '') return;
    if (!isBrought) refuse('a claim begins without a history');
    return checkBrought(push, id, next);
  }
  if (parents === old.id || parents === old.parents.join()) return;
  const [only] = next.parents;
  const sibling = next.parents.length === 1 && only ? await objects.commit(only) : null;
  const isKnown =
    sibling !== null && sibling.parents.join() === old.parents.join() && (await objects.wasThere(sibling.id));
  if (!isKnown) refuse(`it is not built on the claim of ${jobName(id)} that is there`);
}

/** The leases that led to an end which is brought from elsewhere; nobody has judged them as they came. */
async function checkBrought(push: Push, id: JobId, end: Commit): Promise<void> {
  let { parents } = end;
  for (let steps = 0; parents.length > 0; steps += 1) {
    const [parent] = parents;
    const lease = parents.length === 1 && parent ? await push.objects.commit(parent) : null;
    if (!lease || steps >= mostSteps) refuse('its history is not that of a claim');
    if ((await readClaim(push, lease, id)).kind !== 'lease') refuse('it goes on after its end');
    parents = lease.parents;
  }
}
