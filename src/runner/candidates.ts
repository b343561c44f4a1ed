import { createHash } from 'node:crypto';

/** How long each runner that comes before this one is given to act first, and all of them together; milliseconds. */
const stepMs = 150;
const longestMs = 1_500;
/** Where that takes longer, by what it takes here, they are given more; but no more than this. */
const slowStepMs = 1_000;
const slowLongestMs = 3_000;

/**
 * This runner's place, from 0, among all for one job: those with fewer jobs come first, and among equals a hash
 * decides (rendezvous hashing: Thaler and Ravishankar 1998). All runners see the same order without a word between
 * them, so that a fleet does not run at one job: a lost claim costs a push.
 * @param load how many claims each runner that is there holds, by name
 */
export function placeAmong(load: ReadonlyMap<string, number>, runner: string, job: string): number {
  const own = load.get(runner) ?? 0;
  const weight = weightOf(runner, job);
  let place = 0;
  for (const [other, jobs] of load) {
    if (other === runner) continue;
    if (jobs < own || (jobs === own && weightOf(other, job) < weight)) place += 1;
  }
  return place;
}

/**
 * The jobs that this runner tries first, of very many: by the same hash, so that they are those at which most of the
 * others come later.
 * @param nameOf a job's `run/job`
 */
export function firstFor<T>(
  runner: string,
  jobs: readonly T[],
  nameOf: (job: T) => string,
  atMost: number,
): T[] {
  return jobs
    .map((job) => ({ job, weight: weightOf(runner, nameOf(job)) }))
    .sort((a, b) => (a.weight < b.weight ? -1 : 1))
    .slice(0, atMost)
    .map(({ job }) => job);
}

/** Where a runner comes in the order in which all of them stand for this job: lower goes first. */
export function weightOf(runner: string, job: string): string {
  return createHash('sha1').update(`${runner}\0${job}`).digest('hex');
}

/** Says when it is this runner's turn to do something that others could do as well. */
export interface Turns {
  /** Forgets what is not in this look; call it once for each, before `dueIn`. */
  begin(): void;
  /**
   * Milliseconds from now until it is this runner's turn; 0: now.
   * @param what names the opportunity: one that is gone and comes again is another one
   */
  dueIn(what: string, place: number, headStartMs?: number): number;
  /** Acts, and learns how long that takes: where it is long for one, it is so for others. */
  timed<T>(act: () => Promise<T>): Promise<T>;
}

export function takeTurns(now: () => number = () => performance.now()): Turns {
  let before = new Map<string, number>();
  let current = new Map<string, number>();
  let step = stepMs;
  return {
    async timed(act) {
      const begun = now();
      try {
        return await act();
      } finally {
        step = Math.max(stepMs, Math.min(slowStepMs, now() - begun));
      }
    },
    begin() {
      before = current;
      current = new Map();
    },
    dueIn(what, place, headStartMs = 0) {
      const since = before.get(what) ?? current.get(what) ?? now();
      current.set(what, since);
      const longest = Math.min(slowLongestMs, longestMs * (step / stepMs));
      return Math.max(0, since + headStartMs + Math.min(longest, place * step) - now());
    },
  };
}
