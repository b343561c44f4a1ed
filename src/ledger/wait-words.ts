import { fitsOn, type Member, roomLacking } from './fleet.ts';
import { misfit, type Needs, type Offer, shortfalls } from './misfit.ts';

/** A runner as those see it who wonder why nobody takes a job. */
export interface Candidate extends Member {
  /** By its own clock. */
  readonly seenAt: string;
  /** Seconds between two signs of life. */
  readonly heartbeat: number;
}

/** One missed word may be a slow push; so many are silence. */
const missedHeartbeats = 3;

/** What a job that could be executed waits for, and whether any runner that lives can take it. */
export interface Wait {
  readonly words: string;
  readonly fits: boolean;
}

/** What a job waits for where nobody executes anything. */
export const nobodyThere = 'waits for a runner: there is none';

/**
 * Why nobody has a job yet: there is nobody, it fits nobody, who could take it is away or busy, or it will be taken any
 * moment. Pure.
 * @param now milliseconds since 1970, against which the runners' own clocks are held
 */
export function waitForRunner(needs: Needs, runners: readonly Candidate[], now: number): Wait {
  const wait = (why: string, fits: boolean): Wait => ({ words: `waits for a runner${why}`, fits });
  if (runners.length === 0) return { words: nobodyThere, fits: false };
  const fitting = runners.filter((runner) => misfit(needs, runner) === null);
  if (fitting.length === 0) return wait(`: it ${nearestMiss(needs, runners)}`, false);
  const present = fitting.filter((runner) => fitsOn(runner, needs) && !isSilent(runner, now));
  const [first, ...more] = present;
  if (!first) return wait(`: ${whyAway(fitting, now)}`, false);
  const lacking = present.map((runner) => roomLacking(runner, needs));
  if (lacking.includes(null)) return wait('', true);
  return more.length > 0
    ? wait(`: all ${present.length} that it fits are busy`, true)
    : wait(`: ${first.name} is busy: it ${lacking[0]}`, true);
}

/**
 * Why a job for several nodes has not begun yet. Pure.
 * @param there the runners that have offered themselves
 */
export function waitForNodes(
  needs: Needs,
  wanted: number,
  there: readonly string[],
  runners: readonly Candidate[],
  now: number,
): Wait {
  const present = runners.filter((runner) => fitsOn(runner, needs) && !isSilent(runner, now));
  const wait = (why: string, fits: boolean): Wait => ({ words: `waits for ${wanted} runners: ${why}`, fits });
  if (present.length < wanted) {
    const unfit = runners.filter((runner) => misfit(needs, runner) !== null);
    const miss = unfit.length > 0 ? `; it ${nearestMiss(needs, unfit)}` : '';
    const some = present.length === 0 ? 'there is none' : `it fits ${present.length}`;
    return wait(`${some}${miss}`, false);
  }
  const named = there.length > 0 ? ` (${there.slice(0, 3).join(', ')}${there.length > 3 ? ', …' : ''})` : '';
  return wait(`${Math.min(there.length, wanted)} of ${wanted} are there${named}`, true);
}

/** `needs 2 GPUs (A100); nearest: gpu-1 has 1 of them`: of a job that fits none of these. Pure. */
export function nearestMiss(needs: Needs, runners: readonly (Offer & { readonly name: string })[]): string {
  const misses = runners
    .map((runner) => {
      const found = shortfalls(needs, runner);
      return { runner, found, distance: found.reduce((sum, one) => sum + 1 + one.distance, 0) };
    })
    .sort((a, b) => a.distance - b.distance || (a.runner.name < b.runner.name ? -1 : 1));
  const [nearest] = misses;
  if (!nearest) return 'needs what nobody has';
  const lacking = nearest.found.map((one) => one.needs).join(', ');
  const there = nearest.found.map((one) => one.has).join(', ');
  return `needs ${lacking}; ${runners.length > 1 ? 'nearest: ' : ''}${nearest.runner.name} has ${there}`;
}

/** What is no time is no sign of life, either. */
function isSilent({ seenAt, heartbeat }: Candidate, now: number): boolean {
  return !(now - Date.parse(seenAt) <= missedHeartbeats * heartbeat * 1000);
}

function whyAway(fitting: readonly Candidate[], now: number): string {
  const [last] = [...fitting].sort((a, b) => Date.parse(b.seenAt) - Date.parse(a.seenAt));
  if (!last) return 'there is none';
  // For how long `dstack runners` tells; here it would be another sentence every second.
  return `${last.name}, which it fits, ${isSilent(last, now) ? 'has fallen silent' : 'takes no more jobs'}`;
}
