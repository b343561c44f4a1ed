import type { Measurements } from './measurements.ts';
import type { Offer } from './misfit.ts';
import type { Usage } from './usage.ts';

/** The states of a job, in the order in which it can pass them. */
export const jobStates = [
  'submitted',
  'claimed',
  'pulling',
  'running',
  'uploading',
  'done',
  'failed',
  'stopped',
  'aborted',
  'skipped',
  'cached',
] as const;

export type JobState = (typeof jobStates)[number];
export type FinalState = 'done' | 'failed' | 'stopped' | 'aborted' | 'skipped' | 'cached';

/** One job as every reader shows it. Times are ISO 8601, by the clock of whoever wrote them. */
export interface JobView {
  readonly run: string;
  readonly name: string;
  readonly workflow: string;
  readonly state: JobState;
  /** Why it is unhappy, or what it waits for; one line. */
  readonly reason: string | null;
  readonly dependsOn: readonly { run: string | null; job: string }[];
  readonly runner: string | null;
  readonly attempt: number;
  readonly submittedAt: string;
  readonly claimedAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly exitCode: number | null;
  /** For `cached`: the job whose result it reuses. */
  readonly cachedFrom: { run: string; job: string } | null;
  readonly artifacts: { files: number; bytes: number } | null;
  /**
   * What is saved of the artifacts of a job that has not ended, from which its next attempt would go on. `at`: when, if
   * that was while it ran. Absent: nothing.
   */
  readonly saved?: { files: number; bytes: number; at: string | null } | undefined;
  /** The last values of what it measured, once it has ended; null: nothing. */
  readonly metrics: Measurements | null;
  /** What it has used of its machine, once it has ended; not there: nothing was seen of it. */
  readonly usage?: Usage;
  readonly image: string | null;
  /** Commit that holds its log: the claim's tip, or the finished commit; null before a claim. */
  readonly commit: string | null;
  /** Object id of its queue entry, while there is one. */
  readonly queueEntry: string | null;
  /** A stop was asked for and is not yet carried out. */
  readonly stopping: boolean;
  /** Of one that has not ended; left out: 0. */
  readonly priority?: number;
  /** Of one for several nodes that has not ended: by rank those that it has; before it begins, who offers himself. */
  readonly nodes?: { readonly wanted: number; readonly runners: readonly string[] };
  /** False: it could be executed, but no runner that lives can take it, and `reason` says why. */
  readonly fits?: false;
}

export interface RunView {
  readonly name: string;
  readonly commit: string;
  readonly workflow: string;
  /** Only the variables given on the command line. */
  readonly variables: Readonly<Record<string, string>>;
  readonly submittedAt: string;
  readonly submittedBy: string;
  readonly reason: string | null;
  /** In dependency order: what a job depends on comes before it. */
  readonly jobs: readonly JobView[];
  readonly state: JobState;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** The tags that keep it, where they were looked at. */
  readonly tags?: readonly string[];
  /** Where it is, if several shared repositories are looked at together. */
  readonly repository?: string;
}

export interface RunnerView extends Offer {
  readonly name: string;
  readonly host: string;
  readonly executor: string;
  readonly concurrency: number;
  readonly version: string;
  /** `run/job` of what it is working on. */
  readonly jobs: readonly string[];
  readonly startedAt: string;
  /** When it last said that it lives, by its own clock. */
  readonly seenAt: string;
  /** Seconds between two such words. */
  readonly heartbeat: number;
  /** True while it is ending what it has and claims no more. */
  readonly draining: boolean;
  /** Its machine can be taken away at short notice. Absent: it can't. */
  readonly interruptible?: true | undefined;
  /** What it waits for, as of `seenAt`; one line. Null: it has something to do. */
  readonly waiting: string | null;
  /** Since when it waits for that, by its own clock. */
  readonly waitingSince?: string;
  /** What its jobs have asked for of that: CPUs, bytes, how many GPUs. Not there: it wasn't looked for. */
  readonly used?: Share;
  /** The same of each job that it works on, with its state, and since when it runs, or is claimed. */
  readonly doing?: readonly (Share & {
    readonly job: string;
    readonly state: JobState;
    readonly since: string | null;
  })[];
}

/** A part of a machine. */
export interface Share {
  readonly cpu: number;
  readonly memory: number;
  readonly gpus: number;
}

/** All that a reader sees of a ledger at one moment: a pure function of its refs. Newest run first. */
export interface LedgerState {
  readonly runs: readonly RunView[];
  readonly runners: readonly RunnerView[];
  /** So many more runs are in the archive. */
  readonly archived: number;
}

const finalStates = new Set<JobState>(['done', 'failed', 'stopped', 'aborted', 'skipped', 'cached']);

export function isFinal(state: JobState): state is FinalState {
  return finalStates.has(state);
}

/** Did it end with a usable result? */
export function isSuccess(state: JobState): boolean {
  return state === 'done' || state === 'cached';
}

/**
 * The state of a run from those of its jobs: unhappy if any job is, otherwise what the most advanced
 * unfinished job does, otherwise `done` (`cached` if nothing had to be executed).
 */
export function runState(states: readonly JobState[]): JobState {
  const unfinished = states.filter((state) => !isFinal(state));
  if (unfinished.length > 0) {
    return unfinished.reduce((a, b) => (jobStates.indexOf(b) > jobStates.indexOf(a) ? b : a));
  }
  for (const unhappy of ['failed', 'aborted', 'stopped', 'skipped'] as const) {
    if (states.includes(unhappy)) return unhappy;
  }
  return states.every((state) => state === 'cached') ? 'cached' : 'done';
}
