import { DstackError } from '../errors.ts';
import type { ExecutionResult } from '../executor/executor.ts';
import type { JobSpec } from '../language/job-spec.ts';
import type { QueueEntry } from '../ledger/live.ts';
import { jobName } from '../ledger/refs.ts';
import type { LogPump } from './log-pump.ts';
import { createMasker, maskText } from './masker.ts';
import { compilePatterns } from './secret-patterns.ts';
import type { StateReport } from './state-report.ts';
import type { Workplace } from './workplace.ts';

/** How long output may be silent before the beginning of what might have been a secret is told; milliseconds. */
const pauseMs = 300;

/** The secrets of one job: they are put into its environment, and kept out of all that leaves this process. */
export interface JobSecrets {
  /** The job with its secrets in its environment, for whoever executes it. */
  addTo(spec: JobSpec): JobSpec;
  /** What takes the job's output, until its end, and hands it on without them. */
  coverOutput(pump: Pick<LogPump, 'push'>): Pick<LogPump, 'push'> & { end(): void };
  coverStates(states: StateReport): StateReport;
  hideInResult<Result extends ExecutionResult>(result: Result): Result;
  /** A text that may quote what the job has made: names of files, for one. */
  hide<Text extends string | null>(text: Text): Text;
  /** An error, the same but for secrets in its words. */
  hideInError(error: unknown): unknown;
}

const nothing: JobSecrets = {
  addTo: (spec) => spec,
  coverOutput: (pump) => ({ push: (bytes) => pump.push(bytes), end() {} }),
  coverStates: (states) => states,
  hideInResult: (result) => result,
  hide: (text) => text,
  hideInError: (error) => error,
};

/** @param values by name, of at least four characters each */
export function jobSecrets(values: ReadonlyMap<string, string>): JobSecrets {
  if (values.size === 0) return nothing;
  const patterns = compilePatterns(values.values());
  const hide = (text: string) => maskText(patterns, text);
  return {
    addTo: (spec) => ({ ...spec, env: { ...spec.env, ...Object.fromEntries(values) } }),
    hide: (text) => (text === null ? text : (hide(text) as typeof text)),
    coverOutput(pump) {
      const masker = createMasker(patterns);
      let timer: NodeJS.Timeout | undefined;
      const tell = (bytes: Uint8Array) => {
        if (bytes.length > 0) pump.push(bytes);
      };
      return {
        push(bytes) {
          clearTimeout(timer);
          tell(masker.push(bytes));
          if (masker.holdsBack) timer = setTimeout(() => tell(masker.pause()), pauseMs);
        },
        end() {
          clearTimeout(timer);
          tell(masker.end());
        },
      };
    },
    coverStates: ({ tell, take }) => ({
      take,
      tell: (change) => tell(change.detail ? { ...change, detail: hide(change.detail) } : change),
    }),
    hideInResult: (result) => ({ ...result, failure: result.failure && hide(result.failure) }),
    hideInError(error) {
      if (!(error instanceof Error)) return new Error(hide(String(error)));
      const { code, hint } = error as Partial<DstackError>;
      const hidden =
        error instanceof DstackError
          ? new DstackError(String(code), hide(error.message), { hint: hint && hide(hint) })
          : new Error(hide(error.message));
      hidden.stack = hide(error.stack ?? '');
      return hidden;
    },
  };
}

/**
 * Reads the secrets of a job from their sources.
 * @returns null if that is not possible now, here
 */
export async function obtainSecrets(
  work: Pick<Workplace, 'secrets' | 'log'>,
  entry: QueueEntry,
): Promise<JobSecrets | null> {
  try {
    return jobSecrets(await work.secrets.read(entry.job.spec));
  } catch (error) {
    if (!(error instanceof DstackError)) throw error;
    const { message, hint } = error;
    work.log.warn(
      { job: jobName(entry.id), error: message, hint },
      "given back: its secrets can't be had now",
    );
    return null;
  }
}
