import { createHash } from 'node:crypto';
import type { ExecutionResult } from '../executor/executor.ts';
import type { Outcome } from '../ledger/records.ts';
import type { Manifest } from '../store/manifest.ts';
import { serializeManifest } from '../store/manifest-text.ts';

/** Why a job is ended before its time, if it is. */
export interface Ending {
  kind: 'stop' | 'abort' | 'give-back' | null;
  by: string;
}

/** What became of a job's artifacts. */
export interface Upload {
  readonly manifest: Manifest | null;
  readonly missing: readonly string[];
  readonly totals: { files: number; bytes: number };
  /** Why they, or the log, could not be kept; a clause about the job. */
  readonly problem: string | null;
}

/**
 * How a job ended, from how its commands did, and what became of its artifacts. Pure.
 * @param ending what had been asked for when the commands ended. One that obeyed a stop with exit code 0 is stopped,
 *   not done: its results are not those of a whole execution.
 */
export function jobOutcome(result: ExecutionResult, ending: Ending, upload: Upload): Outcome {
  if (ending.kind === 'abort') {
    return {
      exitCode: result.exitCode,
      artifacts: null,
      state: 'aborted',
      reason: `aborted by ${ending.by}`,
    };
  }
  const base = {
    exitCode: result.exitCode,
    artifacts: upload.manifest
      ? {
          manifest: createHash('sha256').update(serializeManifest(upload.manifest)).digest('hex'),
          ...upload.totals,
          complete: upload.missing.length === 0,
        }
      : null,
  };
  if (ending.kind === 'stop') {
    const lost = upload.problem === null ? '' : `; ${upload.problem}`;
    return { ...base, state: 'stopped', reason: `stopped by ${ending.by}${lost}` };
  }
  const failure = failureOf(result);
  if (failure !== null) return { ...base, state: 'failed', reason: failure };
  if (upload.problem !== null) return { ...base, state: 'failed', reason: upload.problem };
  if (upload.missing.length > 0) {
    return {
      ...base,
      state: 'failed',
      reason: `it left no ${upload.missing.join(', ')}, which it declares as artifacts`,
    };
  }
  return { ...base, state: 'done', reason: null };
}

function failureOf(result: ExecutionResult): string | null {
  if (result.failure !== null) return result.failure;
  if (result.signal !== null) return `killed by ${result.signal}`;
  if (result.exitCode === 0) return null;
  return `exit code ${result.exitCode}${exitCodeMeaning(result.exitCode)}`;
}

/** What shells mean by an exit code, where it says more than "it failed". */
function exitCodeMeaning(code: number | null): string {
  if (code === 126) return ' (a command could not be executed)';
  if (code === 127) return ' (a command was not found)';
  return '';
}
