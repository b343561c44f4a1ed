import { virtualClock } from '../../scale/model/clock.ts';
import { createRandom, seedOf } from '../simulation/random.ts';
import { createChecker } from './checker.ts';
import { drawWorld } from './draw-world.ts';
import { startRunner } from './runner.ts';
import type { World } from './world.ts';

export interface Played {
  readonly violations: readonly string[];
  readonly tried: number;
  readonly wasted: number;
}

/** Plays a fleet and what is submitted to it to the end of all jobs. The same seed always ends the same. */
export function play(seed: number, world: World = drawWorld(seed)): Played {
  const clock = virtualClock();
  const checker = createChecker(world, clock.now);
  const longest = Math.max(...world.jobs.map(({ at }) => at)) + 3_600_000;
  const isOver = () =>
    checker.violations.length > 0 || clock.now() > longest || world.jobs.every(({ ended }) => ended);
  for (const runner of world.runners) {
    const random = createRandom(seedOf(seed, runner.name));
    startRunner(world, runner, clock, random, checker, isOver);
  }
  clock.run(isOver);
  if (checker.violations.length === 0) checker.finally();
  return { violations: checker.violations, tried: checker.counts.tried, wasted: checker.counts.wasted };
}
