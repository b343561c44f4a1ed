import { firstFor, placeAmong } from '../../../src/runner/candidates.ts';

/** Jobs that nobody has. */
export interface Unclaimed {
  /** In no order. */
  list(): Int32Array;
  has(job: number): boolean;
  /** How many there have ever been: jobs are numbered as they come. */
  ever(): number;
}

/** Who goes first at what, as `src/runner/candidates.ts` decides. */
export interface Candidates {
  /** The first `atMost` for a runner, in order. */
  firstFor(runner: number, unclaimed: Unclaimed, atMost: number): number[];
  /**
   * Of any job: which place, from 0, a runner has for it.
   * @param load how many claims each runner holds
   */
  placesOf(runner: number, load: Int32Array): (job: number) => number;
}

/** The code itself, which takes a sha1 of each runner and job at each look: for small fleets. */
export function realCandidates(): Candidates {
  const runnerName = (runner: number) => `runner-${runner}`;
  const jobName = (job: number) => `brave-otter-7k2m/work-${job}`;
  return {
    firstFor: (runner, unclaimed, atMost) =>
      firstFor(runnerName(runner), [...unclaimed.list()], jobName, atMost),
    placesOf(runner, load) {
      const byName = new Map(Array.from(load, (claims, other) => [runnerName(other), claims]));
      return (job) => placeAmong(byName, runnerName(runner), jobName(job));
    },
  };
}

/** All from this place on wait for equally long: the real code's longest head start has that many steps. */
const lastPlace = 10;

/** About so many of a runner's jobs are sorted at once. */
const portion = 4_096;

/** A runner's first jobs of those that came before `ever`, all whose weight is below `limit`, sorted. */
interface Order {
  jobs: number[];
  readonly limit: number;
  ever: number;
}

/** The same rule with a quicker hash, and what a runner has once sorted is remembered. */
export function quickCandidates(): Candidates {
  const orders = new Map<number, Order>();
  const sortSome = (runner: number, unclaimed: Unclaimed): Order => {
    const all = unclaimed.list();
    const limit = (portion / all.length) * 2 ** 32;
    const jobs = [...all.filter((job) => weight(runner, job) < limit)];
    jobs.sort((a, b) => weight(runner, a) - weight(runner, b));
    return { jobs, limit, ever: unclaimed.ever() };
  };
  const addNew = (runner: number, order: Order, unclaimed: Unclaimed) => {
    for (; order.ever < unclaimed.ever(); order.ever += 1) {
      if (!unclaimed.has(order.ever)) continue;
      const own = weight(runner, order.ever);
      if (own >= order.limit) continue;
      let [low, high] = [0, order.jobs.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (weight(runner, order.jobs[middle] as number) < own) low = middle + 1;
        else high = middle;
      }
      order.jobs.splice(low, 0, order.ever);
    }
  };
  const take = (order: Order, unclaimed: Unclaimed, atMost: number): number[] => {
    // What has been claimed does not come back: more than half of it, and it is sorted out.
    if (order.jobs.length > 2 * unclaimed.list().length) order.jobs = order.jobs.filter(unclaimed.has);
    const found: number[] = [];
    for (let at = 0; at < order.jobs.length && found.length < atMost; at += 1) {
      const job = order.jobs[at] as number;
      if (unclaimed.has(job)) found.push(job);
    }
    return found;
  };
  return {
    firstFor(runner, unclaimed, atMost) {
      const known = orders.get(runner);
      if (known) {
        addNew(runner, known, unclaimed);
        const found = take(known, unclaimed, atMost);
        if (found.length === atMost || known.limit >= 2 ** 32) return found;
      }
      const order = sortSome(runner, unclaimed);
      orders.set(runner, order);
      return take(order, unclaimed, atMost);
    },
    placesOf(runner, load) {
      const own = load[runner] ?? 0;
      let before = 0;
      for (const claims of load) if (claims < own) before += 1;
      const equals: number[] = [];
      load.forEach((claims, other) => {
        if (claims === own && other !== runner) equals.push(other);
      });
      return (job) => {
        const mine = weight(runner, job);
        let place = before;
        for (let at = 0; at < equals.length && place < lastPlace; at += 1) {
          if (weight(equals[at] as number, job) < mine) place += 1;
        }
        return place;
      };
    },
  };
}

/** 32 bits, evenly spread. */
function weight(runner: number, job: number): number {
  let hash = Math.imul(runner + 1, 0x9e3779b1) ^ Math.imul(job + 1, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
