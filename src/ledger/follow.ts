import type { Ledger } from './ledger.ts';
import { openLiveReader } from './live.ts';
import { type ReadStored, readLog } from './log-chunks.ts';
import { openStateReader } from './read-state.ts';
import { isFinal, type JobView, type RunView } from './state.ts';
import { untilNextLook, type Wake } from './wake.ts';

export type FollowEvent =
  | { readonly kind: 'run'; readonly run: RunView }
  | {
      readonly kind: 'log';
      readonly job: string;
      /** When it was written, in seconds since 1970 by the runner's clock. */
      readonly at: number;
      readonly bytes: Uint8Array;
    }
  /** The repository doesn't answer; what was shown stands. */
  | { readonly kind: 'trouble'; readonly error: Error }
  | { readonly kind: 'gone' };

export interface FollowOptions {
  readonly run: string;
  /** Only this job's log, and only until it ends. */
  readonly job: string | null;
  readonly wake: Wake;
  /** Milliseconds. */
  readonly poll: number;
  readonly readStored: ReadStored;
  /** Leaves out what was written before this second. */
  readonly since?: number;
}

/**
 * After each look it rests for as long as that took, so that a busy repository costs half of a core at most; but what comes next
 * need not wait for longer than this, in milliseconds.
 */
const longestRest = 100;

interface Position {
  claimedAt: string | null;
  attempt: number;
  next: number;
}

/**
 * A run from now to its end: each change of its state, and the logs as they grow. The last `run` event comes after
 * the last byte of every log. An unreachable repository is reported and tried again, for as long as it takes.
 */
export async function* followRun(ledger: Ledger, options: FollowOptions): AsyncGenerator<FollowEvent> {
  const reader = openStateReader(ledger, openLiveReader(ledger));
  const positions = new Map<string, Position>();
  let shown = '';
  for (;;) {
    const from = performance.now();
    let took = 0;
    try {
      const run = (await reader.read(options.run)).runs[0];
      took = performance.now() - from;
      if (!run) {
        yield { kind: 'gone' };
        return;
      }
      const over = isOver(run, options.job);
      const face = JSON.stringify(run, (key, value) => (key === 'commit' ? undefined : value));
      const jobs = run.jobs.filter((job) => options.job === null || job.name === options.job);
      // The first thing a reader learns is what there is; from then on a job's end comes after its last output.
      if (shown === '' && !over) yield { kind: 'run', run };
      for (const job of jobs) if (isFinal(job.state)) yield* newOutput(ledger, job, positions, options);
      if (over || (shown !== '' && face !== shown)) yield { kind: 'run', run };
      shown = face;
      if (over) return;
      for (const job of jobs) if (!isFinal(job.state)) yield* newOutput(ledger, job, positions, options);
    } catch (error) {
      yield { kind: 'trouble', error: error as Error };
      await options.wake.wait(Math.max(options.poll, 1_000));
      continue;
    }
    // From look to look it is a poll, unless looking takes most of that.
    const pause = Math.max(options.poll - took, took);
    await untilNextLook(options.wake, pause, Math.min(took, longestRest));
  }
}

/**
 * Has a job's log what it had when the job stood so? A takeover goes on with the log it found; a job that was given back and
 * claimed afresh begins a new one.
 */
export function goesOn(before: Pick<Position, 'claimedAt' | 'attempt'>, job: JobView): boolean {
  return before.claimedAt === job.claimedAt || job.attempt > before.attempt;
}

function isOver(run: RunView, only: string | null): boolean {
  if (only === null) return isFinal(run.state);
  const job = run.jobs.find(({ name }) => name === only);
  return job === undefined || isFinal(job.state);
}

async function* newOutput(
  ledger: Ledger,
  job: JobView,
  positions: Map<string, Position>,
  options: FollowOptions,
): AsyncGenerator<FollowEvent> {
  if (job.commit === null) return;
  const before = positions.get(job.name);
  const position: Position = {
    claimedAt: job.claimedAt,
    attempt: job.attempt,
    next: before && goesOn(before, job) ? before.next : 0,
  };
  positions.set(job.name, position);
  for await (const { next, at, bytes } of readLog(
    ledger.shared,
    job.commit,
    position.next,
    options.readStored,
    options.since,
  )) {
    position.next = next;
    if (bytes.length > 0) yield { kind: 'log', job: job.name, at, bytes };
  }
}
