import type { ExecutionResult } from '../executor/executor.ts';
import type { JobSpec, RetryReason } from '../language/job-spec.ts';
import { artifactsMissing, commandsFailed, outOfMemory, stoppedBy, timedOut } from '../ledger/reasons.ts';
import type { Outcome } from '../ledger/records.ts';
import type { Manifest } from '../store/manifest.ts';
import { hashOfManifest, serializeManifest } from '../store/manifest-text.ts';

/** Why a job is ended before its time, if it is. */
export interface Ending {
  kind: 'stop' | 'abort' | 'give-back' | 'timeout' | null;
  by: string;
}

/** What it was held to. */
export type Limits = Pick<JobSpec, 'timeout' | 'resources'>;

/** What became of a job's artifacts. */
export interface Upload {
  readonly manifest: Manifest | null;
  readonly missing: readonly string[];
  /** What can't be an artifact and was left out, in words. */
  readonly skipped: readonly string[];
  readonly totals: { files: number; bytes: number };
  /** Why they, or the log, could not be kept; a clause about the job. */
  readonly problem: string | null;
}

/**
 * How a job ended, from how its commands did, and what became of its artifacts. Pure.
 * @param ending what had been asked for when the commands ended. One that obeyed a stop with exit code 0 is stopped,
 *   not done: its results are not those of a whole execution.
 */
export function jobOutcome(result: ExecutionResult, ending: Ending, upload: Upload, limits: Limits): Outcome {
  const { exitCode } = result;
  if (ending.kind === 'abort') {
    return { exitCode, artifacts: null, state: 'aborted', reason: stoppedBy(ending.by, true) };
  }
  const base = {
    exitCode,
    artifacts: upload.manifest
      ? {
          manifest: hashOfManifest(serializeManifest(upload.manifest)),
          ...upload.totals,
          complete: upload.missing.length === 0,
        }
      : null,
  };
  if (ending.kind === 'stop') {
    const lost = upload.problem === null ? '' : `; ${upload.problem}`;
    return { ...base, state: 'stopped', reason: stoppedBy(ending.by, false, lost) };
  }
  const failure = failureOf(result, ending, limits);
  if (failure !== null) return { ...base, state: 'failed', reason: failure };
  if (upload.problem !== null) return { ...base, state: 'failed', reason: upload.problem };
  if (upload.missing.length > 0) {
    return { ...base, state: 'failed', reason: artifactsMissing(upload.missing) };
  }
  return { ...base, state: 'done', reason: null };
}

/** For which of the reasons to try again a job has failed; null: for none of them. Pure. */
export function failedFor(result: ExecutionResult, ending: Ending): RetryReason | null {
  if (ending.kind !== null) return ending.kind === 'timeout' ? 'timeout' : null;
  if (result.outOfMemory) return 'out-of-memory';
  if (result.lost) return 'runner-lost';
  if (result.failure !== null) return null;
  return result.exitCode === 0 ? null : 'exit';
}

function failureOf(result: ExecutionResult, ending: Ending, limits: Limits): string | null {
  const failure = ownFailureOf(result, ending, limits);
  return failure === null || ending.kind === 'timeout' || !result.node
    ? failure
    : `${result.node}: ${failure}`;
}

function ownFailureOf(result: ExecutionResult, ending: Ending, limits: Limits): string | null {
  if (ending.kind === 'timeout' && limits.timeout !== null) return timedOut(limits.timeout);
  if (result.outOfMemory) return outOfMemory(limits.resources.memory);
  if (result.failure !== null) return result.failure;
  if (result.exitCode === 0) return null;
  return commandsFailed(result.exitCode, result.signal);
}
