import { defaultRequirements, type JobSpec } from '../../../src/language/job-spec.ts';
import type { Allotment } from '../../../src/ledger/allotments.ts';
import type { ClaimTip, QueueEntry } from '../../../src/ledger/live.ts';
import { type Machine, misfit } from '../../../src/ledger/misfit.ts';
import { jobName } from '../../../src/ledger/refs.ts';
import { jobSpec } from '../../ledger/sample-spec.ts';

export interface Job {
  readonly entry: QueueEntry;
  /** Milliseconds of virtual time: when it was submitted, and how long it computes. */
  readonly at: number;
  readonly duration: number;
  begun: { readonly at: number; readonly by: string } | null;
  ended: boolean;
}

export interface RunnerSpec {
  readonly name: string;
  readonly machine: Machine;
  readonly concurrency: number;
  /** It is there, and says so, but takes nothing. */
  readonly deaf: boolean;
  /** What its clock of the wall is off by. */
  readonly wallOffset: number;
}

/** What is submitted, who is there, and what has become of it. Time in milliseconds. */
export interface World {
  readonly runners: readonly RunnerSpec[];
  readonly jobs: readonly Job[];
  /** How long it takes until a claim is made, and until others see it. */
  readonly latency: number;
  readonly poll: number;
  readonly patience: number;
}

export const keyOf = ({ entry }: Job): string => jobName(entry.id);

/** 2026, by a clock that is right. */
export const wallBegin = Date.parse('2026-03-01T00:00:00Z');

export function makeJob(
  name: string,
  at: number,
  duration: number,
  resources: Partial<JobSpec['resources']>,
  more: { priority?: number; run?: string } = {},
): Job {
  const spec = jobSpec(name, { resources: { ...defaultRequirements.resources, ...resources } });
  const run = more.run ?? `run-${name}`;
  return {
    entry: {
      id: { run, job: name },
      commit: name,
      runCommit: '',
      blob: '',
      submittedAt: wallBegin + at,
      job: {
        format: 1,
        run,
        spec,
        useCache: false,
        cacheKey: null,
        ...(more.priority && { priority: more.priority }),
      },
    },
    at,
    duration,
    begun: null,
    ended: false,
  };
}

export const fitsMachine = (runner: Pick<RunnerSpec, 'machine'>, { entry }: Job): boolean =>
  misfit(entry.job.spec, { labels: {}, machine: runner.machine }) === null;

export function claimOf(job: Job, runner: string): ClaimTip {
  const claim = { runner, state: 'running', lease: 60, attempt: 1 };
  return { kind: 'claim', commit: `claim-${keyOf(job)}`, claim } as unknown as ClaimTip;
}

export const total = (taken: Iterable<Allotment>, of: 'cpu' | 'memory'): number =>
  Array.from(taken, (one) => one[of]).reduce((sum, one) => sum + one, 0);
