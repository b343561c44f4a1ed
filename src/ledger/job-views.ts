import type { ClaimFile, RecordFile } from './formats.ts';
import type { ClaimTip, QueueEntry } from './live.ts';
import { misfit } from './misfit.ts';
import { type JobId, jobName } from './refs.ts';
import { isSuccess, type JobView, type RunnerView } from './state.ts';

/** Where the refs of one job point. */
export type JobRefs = { queue?: string; claims?: string; jobs?: string; stops?: string };

/** One job as readers see it, from what its refs hold. Pure. */
export function viewJob(
  id: JobId,
  submittedAt: string,
  tip: ClaimTip | null,
  entry: QueueEntry | null,
  refs: JobRefs,
  stopping: boolean,
  earlier: readonly JobView[],
  runners: readonly RunnerView[],
  sameAs: JobId | null,
): JobView {
  const dependsOn = entry?.job.spec.dependsOn ?? [];
  const base = {
    run: id.run,
    name: id.job,
    workflow: entry?.job.spec.workflow ?? id.job,
    dependsOn,
    image: entry?.job.spec.image ?? null,
    submittedAt,
    commit: tip?.commit ?? null,
    queueEntry: refs.queue ?? null,
  };
  if (tip?.kind === 'finished') return { ...base, ...fromRecord(tip.record), stopping: false };
  if (tip?.kind === 'claim') return { ...base, ...fromClaim(tip.claim, stopping), stopping };
  return { ...base, ...waiting(entry, refs, dependsOn, earlier, runners, sameAs), stopping };
}

function fromRecord(record: RecordFile) {
  return {
    workflow: record.workflow,
    state: record.state,
    reason: record.reason,
    runner: record.runner,
    attempt: record.attempt,
    claimedAt: record.claimedAt,
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    exitCode: record.exitCode,
    cachedFrom: record.cachedFrom,
    artifacts: record.artifacts ? { files: record.artifacts.files, bytes: record.artifacts.bytes } : null,
    metrics: record.metrics,
    image: record.image,
    dependsOn: record.dependsOn,
  };
}

const notYet = {
  startedAt: null,
  finishedAt: null,
  exitCode: null,
  cachedFrom: null,
  artifacts: null,
  metrics: null,
};

function fromClaim(claim: ClaimFile, stopping: boolean) {
  if (claim.state === 'waiting') return fromWaitingClaim(claim, stopping);
  return {
    ...notYet,
    state: claim.state,
    reason: stopping ? 'stopping' : claim.detail,
    runner: claim.runner,
    attempt: claim.attempt,
    claimedAt: claim.claimedAt,
    startedAt: claim.startedAt,
  };
}

/** As one that nobody has, but for what earlier attempts have left. */
function fromWaitingClaim(claim: ClaimFile, stopping: boolean) {
  return {
    ...notYet,
    state: 'submitted' as const,
    reason: stopping ? 'stopping' : `${claim.detail}; waits for attempt ${claim.attempt + 1}`,
    runner: null,
    attempt: claim.attempt,
    claimedAt: claim.claimedAt,
  };
}

function waiting(
  entry: QueueEntry | null,
  refs: JobRefs,
  dependsOn: readonly { run: string | null; job: string }[],
  earlier: readonly JobView[],
  runners: readonly RunnerView[],
  sameAs: JobId | null,
) {
  const unfinished = dependsOn.filter(
    ({ run, job }) => run === null && !earlier.some((other) => other.name === job && isSuccess(other.state)),
  );
  const reason = entry
    ? unfinished.length > 0
      ? `waits for ${unfinished.map(({ job }) => job).join(', ')}`
      : sameAs
        ? `waits for ${jobName(sameAs)}, which makes the same`
        : `waits for a runner${fitsNone(entry, runners)}`
    : refs.queue
      ? 'its queue entry can’t be read: written by another version?'
      : 'not seen in this listing';
  return { ...notYet, state: 'submitted' as const, reason, runner: null, attempt: 0, claimedAt: null };
}

/** What it is that none of the runners has, if there are any. Those that are busy count: they will be free. */
function fitsNone(entry: QueueEntry, runners: readonly RunnerView[]): string {
  const reasons = runners.map((runner) => misfit(entry.job.spec, runner));
  const [first] = reasons;
  return first && !reasons.includes(null) ? `: it ${first}` : '';
}
