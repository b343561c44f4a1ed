import { fold } from '../../../src/ledger/archive/fold.ts';
import { openStateReader } from '../../../src/ledger/read-state.ts';
import type { Fortune } from './fortune.ts';
import { createRandom, seedOf } from './random.ts';
import { ledgerOf, type Stage } from './stage.ts';

/** At most so long after the last one somebody folds, in milliseconds. */
const between = 12_000;

/**
 * Somebody who archives finished runs at any moment, however few there are; who may be killed at any step of it, while
 * another one does the same.
 * @param times those with the same ones begin at the same moments
 */
export function scheduleArchivist(stage: Stage, fortune: Fortune, name: string, times: string): void {
  const { world, busy } = stage;
  const draw = createRandom(seedOf(world.seed, `times of ${times}`));
  let turns = 0;
  const foldOnce = () => {
    turns += 1;
    const actor = world.actor(name);
    const [fate, when, limits] = [actor.luck(), actor.luck(), actor.luck()];
    const most = Math.floor(limits * 8);
    busy.set(actor, actor);
    void fold(ledgerOf(stage, actor), { most, rest: most >> 1 })
      .catch((error: unknown) => world.note(() => `${actor.name} fails: ${String(error)}`))
      .then(() => busy.delete(actor));
    if (fate < 0.3) {
      world.at(when * 1_500, null, () => {
        if (busy.has(actor) && fortune.strikes(`${name} turn ${turns}: killed`)) actor.alive = false;
      });
    }
  };
  const next = () =>
    world.at(draw() * between, null, () => {
      foldOnce();
      if (!fortune.isCalm()) next();
    });
  next();
}

/** Somebody who looks for runs by their names and in lists, again and again: each that there is must be found. */
export function scheduleReader(stage: Stage, fortune: Fortune): void {
  const { world, checker } = stage;
  const draw = createRandom(seedOf(world.seed, 'times of the reader'));
  const next = () =>
    world.at(draw() * 6_000, null, () => {
      if (!fortune.isCalm()) next();
      void readOnce(stage);
    });
  next();

  async function readOnce({ busy }: Stage): Promise<void> {
    const actor = world.actor('reader');
    const reader = openStateReader(ledgerOf(stage, actor));
    const runs = checker.runsThere();
    const run = runs[Math.floor(actor.luck() * runs.length)];
    if (run === undefined) return;
    busy.set(actor, actor);
    const isOne = actor.luck() < 0.5;
    const look = () => (isOne ? reader.read(run) : reader.readAll());
    try {
      const ended = checker.endedJobs(run);
      if (checker.read(run, ended, await look(), actor, false))
        checker.read(run, ended, await look(), actor, true);
    } catch {
      // It could not be reached.
    }
    busy.delete(actor);
  }
}
