import type { Allotment } from '../../../src/ledger/allotments.ts';
import type { Way } from '../../../src/runner/openings.ts';
import { longestSmall } from './draw-world.ts';
import type { Watcher } from './runner.ts';
import { fitsMachine, type Job, keyOf, type RunnerSpec, total, type World } from './world.ts';

/** Milliseconds: looks, turns and claims take that together, and then some. */
const slack = 20_000;
/** Older by less is as good as equally old. */
const muchOlder = 10_000;

export interface Checker extends Watcher {
  readonly violations: string[];
  readonly counts: { tried: number; wasted: number };
  finally(): void;
}

/** What must hold of a fleet, whatever happens. */
export function createChecker(world: World, now: () => number): Checker {
  const violations: string[] = [];
  const counts = { tried: 0, wasted: 0 };
  const keeping = new Map<string, string>();
  const violated = (text: string) => violations.push(`${Math.round(now())}: ${text}`);
  const isBig = (job: Job) => keyOf(job).startsWith('run-big');

  return {
    violations,
    counts,
    tried() {
      counts.tried += 1;
    },
    wasted() {
      counts.wasted += 1;
    },
    begins(runner, job, seen, couldBegin) {
      const own = seen.find(({ key }) => key === keyOf(job));
      if (!own) return;
      for (const other of seen) {
        if (other === own || !couldBegin(other)) continue;
        if (other.priority > own.priority)
          violated(`${runner.name} prefers ${own.key} to ${other.key}, which has a higher priority`);
        const { priority, submittedAt, waited } = other;
        if (
          priority === own.priority &&
          submittedAt < own.submittedAt - muchOlder &&
          waited > muchOlder + slack
        )
          violated(`${runner.name} prefers ${own.key} to ${other.key}, which is much older`);
      }
    },
    begun({ name, machine, concurrency }, _job, taken: Iterable<Allotment>) {
      const all = [...taken];
      const gpus = all.flatMap((one) => one.gpus.map(({ id }) => id));
      if (
        total(all, 'cpu') > machine.cpu ||
        total(all, 'memory') > machine.memory ||
        new Set(gpus).size < gpus.length ||
        all.length > concurrency
      )
        violated(`${name} has given more than it has`);
    },
    keeps({ name }: RunnerSpec, kept: Way | null) {
      if (kept) keeping.set(name, kept.key);
      else keeping.delete(name);
      if (!kept) return;
      const keepers = [...keeping.values()].filter((key) => key === kept.key).length;
      // One at first, another one each time that it has waited for four times as long.
      const most = 1 + Math.floor(Math.log((kept.waited + slack) / world.patience) / Math.log(4));
      if (keepers > most) violated(`${keepers} runners keep room for ${kept.key}`);
    },
    finally() {
      const deaf = world.runners.filter((runner) => runner.deaf).length;
      const bigs = world.jobs.filter(isBig);
      const bigTime = bigs.reduce((sum, { duration }) => sum + duration, 0);
      for (const job of world.jobs) {
        if (!job.begun) violated(`${keyOf(job)} never begins`);
        else if (isBig(job)) {
          const waited = job.begun.at - lastBefore(world, job, job.begun.at);
          const longest = world.patience * 4 ** deaf + bigs.length * (longestSmall + slack) + bigTime;
          if (waited > longest) violated(`${keyOf(job)} waits for ${Math.round(waited)} ms`);
        }
      }
    },
  };
}

/** When all that had been submitted before a job, and began before it, had begun: until then the queue was longer than the hands. */
const lastBefore = (world: World, { at }: Job, begunAt: number): number =>
  world.jobs.reduce(
    (last, other) =>
      other.begun && other.at < at && other.begun.at < begunAt ? Math.max(last, other.begun.at) : last,
    at,
  );

/** Could one of these runners, which are not deaf, take the job if it were empty? */
export const fitsSome = (world: World, job: Job): boolean =>
  world.runners.some((runner) => !runner.deaf && fitsMachine(runner, job));
