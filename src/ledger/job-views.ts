import type { ClaimFile, RecordFile } from './formats.ts';
import type { ClaimTip, QueueEntry } from './live.ts';
import { type JobId, jobName } from './refs.ts';
import { isSuccess, type JobView } from './state.ts';
import type { Wait } from './wait-words.ts';

/** Where the refs of one job point. */
export interface JobRefs {
  readonly queue?: string;
  readonly claims?: string;
  readonly jobs?: string;
  readonly stops?: string;
  /** Runners that are nodes of it, or offer themselves. */
  readonly nodes?: readonly string[];
}

/**
 * One job as readers see it, from what its refs hold. Pure.
 * @param waitOf why no runner has a job yet that could be executed; null: nobody has looked
 */
export function viewJob(
  id: JobId,
  submittedAt: string,
  tip: ClaimTip | null,
  entry: QueueEntry | null,
  refs: JobRefs,
  stopping: boolean,
  earlier: readonly JobView[],
  waitOf: ((entry: QueueEntry, nodes: readonly string[]) => Wait) | null,
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
  const more = {
    ...(entry?.job.priority ? { priority: entry.job.priority } : {}),
    ...nodesOf(tip, entry, refs),
  };
  if (tip?.kind === 'claim') return { ...base, ...more, ...fromClaim(tip.claim, stopping), stopping };
  return { ...base, ...more, ...waiting(entry, refs, dependsOn, earlier, waitOf, sameAs), stopping };
}

/** Of a job for several nodes that has not ended. */
function nodesOf(tip: ClaimTip | null, entry: QueueEntry | null, refs: JobRefs): Pick<JobView, 'nodes'> {
  const wanted = entry?.job.spec.nodes;
  if (wanted === undefined) return {};
  const claim = tip?.kind === 'claim' ? tip.claim : null;
  const runners = claim?.gang
    ? [claim.runner, ...claim.gang.members.map(({ runner }) => runner)]
    : [...(refs.nodes ?? [])].sort();
  return { nodes: { wanted, runners } };
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
    ...(record.usage ? { usage: record.usage } : {}),
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
    ...savedSoFar(claim),
    state: claim.state,
    reason: stopping ? 'stopping' : (claim.detail ?? untilReady(claim)),
    runner: claim.runner,
    attempt: claim.attempt,
    claimedAt: claim.claimedAt,
    startedAt: claim.startedAt,
  };
}

function savedSoFar({ artifacts, savedAt }: ClaimFile): Pick<JobView, 'saved'> {
  if (artifacts === null) return {};
  return { saved: { files: artifacts.files, bytes: artifacts.bytes, at: savedAt ?? null } };
}

function untilReady({ gang }: ClaimFile): string | null {
  return gang?.phase === 'gathering'
    ? `waits until all its ${gang.members.length + 1} nodes are ready`
    : null;
}

/** As one that nobody has, but for what earlier attempts have left. */
function fromWaitingClaim(claim: ClaimFile, stopping: boolean) {
  return {
    ...notYet,
    ...savedSoFar(claim),
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
  waitOf: ((entry: QueueEntry, nodes: readonly string[]) => Wait) | null,
  sameAs: JobId | null,
) {
  const unfinished = dependsOn.filter(
    ({ run, job }) => run === null && !earlier.some((other) => other.name === job && isSuccess(other.state)),
  );
  const isReady = entry !== null && unfinished.length === 0 && sameAs === null;
  const wait = isReady && waitOf ? waitOf(entry, refs.nodes ?? []) : null;
  const reason = entry
    ? unfinished.length > 0
      ? `waits for ${unfinished.map(({ job }) => job).join(', ')}`
      : sameAs
        ? `waits for ${jobName(sameAs)}, which makes the same`
        : (wait?.words ?? 'waits for a runner')
    : refs.queue
      ? "its queue entry can't be read: written by another version?"
      : 'not seen in this listing';
  const fits = wait?.fits === false ? { fits: false as const } : {};
  return {
    ...notYet,
    ...fits,
    state: 'submitted' as const,
    reason,
    runner: null,
    attempt: 0,
    claimedAt: null,
  };
}
