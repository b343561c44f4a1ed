import {
  type JobState,
  type JobView,
  type LedgerState,
  type RunnerView,
  type RunView,
  runState,
} from '../../src/ledger/state.ts';
import type { Details } from '../../src/tui/status-screen.tsx';

/** The moment at which the samples are looked at. */
export const NOW = Date.parse('2026-03-01T12:00:00.000Z');

/** The time so many seconds before {@link NOW}. */
export function ago(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString();
}

export function sampleJob(job: Partial<JobView> & { name: string; state: JobState }): JobView {
  return {
    run: 'brave-otter-7k2m',
    workflow: job.name.replace(/-\d+$/, ''),
    reason: null,
    dependsOn: [],
    runner: null,
    attempt: 0,
    submittedAt: ago(300),
    claimedAt: null,
    startedAt: null,
    finishedAt: null,
    exitCode: null,
    cachedFrom: null,
    artifacts: null,
    metrics: null,
    image: 'python:3.12-slim',
    commit: null,
    queueEntry: null,
    stopping: false,
    ...job,
  };
}

export function sampleRun(name: string, jobs: readonly JobView[], run: Partial<RunView> = {}): RunView {
  return {
    name,
    commit: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
    workflow: 'train',
    variables: {},
    submittedAt: ago(300),
    submittedBy: 'Ada Lovelace',
    reason: null,
    jobs: jobs.map((job) => ({ ...job, run: name })),
    state: runState(jobs.map((job) => job.state)),
    startedAt: jobs.find((job) => job.startedAt !== null)?.startedAt ?? null,
    finishedAt: null,
    ...run,
  };
}

export function sampleRunner(name: string, runner: Partial<RunnerView> = {}): RunnerView {
  return {
    name,
    host: `${name}.lab`,
    executor: 'docker',
    concurrency: 2,
    version: '0.1.0',
    labels: {},
    jobs: [],
    startedAt: ago(3600),
    seenAt: ago(5),
    heartbeat: 20,
    machine: { cpu: 8, memory: 64 * 1024 ** 3, gpus: [] },
    draining: false,
    waiting: null,
    ...runner,
  };
}

const preprocess = sampleJob({
  name: 'preprocess',
  state: 'done',
  runner: 'gpu-1',
  attempt: 1,
  startedAt: ago(280),
  finishedAt: ago(268),
  exitCode: 0,
  artifacts: { files: 3, bytes: 1_572_864 },
  commit: '1111111111111111111111111111111111111111',
});

/** A running run of three jobs, a failed one and a cached one; two runners, one of them silent. */
export const sampleState: LedgerState = {
  runs: [
    sampleRun(
      'brave-otter-7k2m',
      [
        preprocess,
        sampleJob({
          name: 'train-1',
          state: 'running',
          runner: 'gpu-1',
          attempt: 2,
          startedAt: ago(184),
          dependsOn: [{ run: null, job: 'preprocess' }],
          commit: '2222222222222222222222222222222222222222',
        }),
        sampleJob({
          name: 'train-2',
          state: 'submitted',
          reason: 'waits for a runner with gpu=a100',
          dependsOn: [{ run: null, job: 'preprocess' }],
        }),
      ],
      { variables: { learning_rate: '0.01', note: 'second try' } },
    ),
    sampleRun(
      'calm-fox-1a2b',
      [
        { ...preprocess, startedAt: ago(7200), finishedAt: ago(7188) },
        sampleJob({
          name: 'train',
          state: 'failed',
          reason:
            'exit code 1 in command 2: python train.py --lr 0.01 --epochs 3000 --data data/clean/part-0001.parquet',
          runner: 'gpu-2',
          attempt: 1,
          startedAt: ago(7188),
          finishedAt: ago(7000),
          exitCode: 1,
          artifacts: { files: 1, bytes: 900 },
          commit: '3333333333333333333333333333333333333333',
        }),
        sampleJob({ name: 'report', state: 'skipped', reason: 'train failed' }),
      ],
      { submittedAt: ago(7210), startedAt: ago(7200), finishedAt: ago(7000) },
    ),
    sampleRun(
      'dull-owl-9x8y',
      [
        sampleJob({
          name: 'preprocess',
          state: 'cached',
          cachedFrom: { run: 'old-cat-0000', job: 'preprocess' },
        }),
      ],
      { workflow: 'preprocess', submittedAt: ago(90_000), finishedAt: ago(90_000) },
    ),
  ],
  runners: [
    sampleRunner('gpu-1', { jobs: ['brave-otter-7k2m/train-1'], labels: { gpu: 'a100' } }),
    sampleRunner('gpu-2', { seenAt: ago(4000) }),
  ],
  archived: 0,
};

/** What is read of jobs in view: the cells of a matrix, and the last of what those say that are under way or failed. */
export const sampleDetails: Details = {
  progress: new Map([
    [
      'brave-otter-7k2m/train-1',
      {
        lines: ['loading data', ' 45%|####5     | 45/100 [00:12<00:15, 3.6it/s]'],
        metrics: { step: 45, loss: 0.31 },
      },
    ],
    ['calm-fox-1a2b/train', { lines: ['RuntimeError: CUDA out of memory'], metrics: null }],
  ]),
  cells: new Map([
    [
      'brave-otter-7k2m',
      new Map([
        ['train-1', { seed: '1', lr: '0.1' }],
        ['train-2', { seed: '2', lr: '0.1' }],
      ]),
    ],
  ]),
};

/** Finished runs of two jobs each, newest first: `run-00000` … */
export function manyRuns(count: number): LedgerState {
  const jobs = ['preprocess', 'train'].map((name) =>
    sampleJob({
      name,
      state: 'done',
      startedAt: ago(200),
      finishedAt: ago(100),
      attempt: 1,
      runner: 'gpu-1',
    }),
  );
  const runs = Array.from({ length: count }, (_, index) =>
    sampleRun(`run-${String(index).padStart(5, '0')}`, jobs, { finishedAt: ago(100) }),
  );
  return { runs, runners: [], archived: 0 };
}
