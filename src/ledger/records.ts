import { type ClaimFile, formatVersion, type RecordFile } from './formats.ts';
import type { QueueEntry } from './live.ts';

/** What is special about an outcome; everything else of a record follows from the job and its claim. */
export type Outcome = Pick<RecordFile, 'state' | 'reason'> &
  Partial<
    Pick<
      RecordFile,
      | 'exitCode'
      | 'executor'
      | 'imageDigest'
      | 'imageId'
      | 'cachedFrom'
      | 'log'
      | 'artifacts'
      | 'environment'
      | 'metrics'
      | 'usage'
    >
  >;

const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Left out where they are not known, as records always had it. */
export function imageFields({
  imageDigest,
  imageId,
}: Pick<RecordFile, 'imageDigest' | 'imageId'>): Pick<RecordFile, 'imageDigest' | 'imageId'> {
  return { ...(imageDigest && { imageDigest }), ...(imageId && { imageId }) };
}

/** The record of a job that ends now. */
export function makeRecord(
  entry: QueueEntry,
  claim: ClaimFile,
  outcome: Outcome,
  finishedAt: string,
): RecordFile {
  const { spec } = entry.job;
  return {
    format: formatVersion,
    run: entry.id.run,
    job: entry.id.job,
    workflow: spec.workflow,
    dependsOn: spec.dependsOn,
    state: outcome.state,
    reason: outcome.reason === null ? null : outcome.reason.slice(0, 2000),
    exitCode: outcome.exitCode ?? null,
    attempt: claim.attempt,
    runner: claim.runner,
    host: claim.host,
    executor: outcome.executor ?? null,
    image: spec.image,
    ...imageFields(outcome),
    claimedAt: claim.claimedAt,
    startedAt: claim.startedAt,
    finishedAt,
    queue: entry.commit,
    runCommit: entry.runCommit,
    cacheKey: entry.job.cacheKey,
    cachedFrom: outcome.cachedFrom ?? null,
    log: outcome.log ?? { bytes: 0, sha256: emptySha256, stored: false },
    artifacts: outcome.artifacts ?? null,
    environment: outcome.environment ?? {},
    metrics: outcome.metrics ?? null,
    ...(outcome.usage ? { usage: outcome.usage } : {}),
  };
}
