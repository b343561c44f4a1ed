/** A fleet, what it has to do, and where its repository is. Times in milliseconds unless said otherwise. */
export interface Scenario {
  readonly seed: number;
  readonly runners: number;
  /** Jobs that one runner does at the same time. */
  readonly concurrency: number;
  readonly jobs: number;
  /** How long a job computes: evenly spread around this, by a quarter. */
  readonly duration: number;
  /** Between two lines of a job's log; infinite: it prints nothing before its end. */
  readonly printsEvery: number;
  /** At most so many jobs are in the queue: more are submitted as they end. Infinite: all at once. */
  readonly queued: number;
  readonly poll: number;
  /** Seconds. */
  readonly lease: number;
  /** From a runner to the host and back. */
  readonly latency: number;
  /** Bytes per second that the host's line takes. */
  readonly bandwidth: number;
  readonly cores: number;
  /** Refs of finished jobs that are there at the beginning. */
  readonly history: number;
  /** Finished runs fold into the archive: no more refs of them than so many stay. Null: all stay. */
  readonly historyLimit: number | null;
  /** A runner's pushes that wait for one that is under way go together. */
  readonly grouped: boolean;
  /** Runners look after branches and schedules, too. */
  readonly triggers: boolean;
  /** Runners and host are on the same machine: all that they compute is done by the same cores. */
  readonly together: boolean;
  /** With the code of `src/runner/candidates.ts` itself, for small fleets; otherwise with a quicker hash. */
  readonly realCandidates: boolean;
  /** Ends then, whatever is left. */
  readonly longest: number;
}

/** What came of it. */
export interface Outcome {
  /** Milliseconds until the last job had ended and was settled. */
  readonly drained: number;
  readonly finished: number;
  /** Pushes that were to claim a job. */
  readonly claims: number;
  /** Those that came too late. */
  readonly wasted: number;
  /** Requests that the host answered. */
  readonly lists: number;
  readonly pushes: number;
  readonly bytes: number;
  /** The processor's time at the host, milliseconds, and the share of all it could do. */
  readonly hostTime: number;
  readonly hostBusy: number;
  /** The most refs that there were at once, without history. */
  readonly liveRefs: number;
  readonly historyRefs: number;
}

export const usual: Scenario = {
  seed: 1,
  runners: 100,
  concurrency: 1,
  jobs: 10_000,
  duration: 60_000,
  printsEvery: 10_000,
  queued: 2_000,
  poll: 2_000,
  lease: 60,
  latency: 10,
  bandwidth: 125e6,
  cores: 4,
  history: 0,
  historyLimit: 300,
  grouped: true,
  triggers: true,
  together: false,
  realCandidates: false,
  longest: 7 * 24 * 3_600_000,
};
