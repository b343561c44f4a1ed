import type { Fortune } from './fortune.ts';
import { createRandom, seedOf } from './random.ts';
import { runner } from './runner.ts';
import type { Stage } from './stage.ts';
import type { Actor } from './world.ts';

const day = 24 * 60 * 60_000;

/**
 * A runner's life: it may be killed and come back under its name, leave, stand still, have its wall clock set; or the
 * server is away.
 * @returns who it is at present
 */
export function scheduleRunner(stage: Stage, fortune: Fortune, name: string): () => Actor {
  const { world, server, instances, nextId } = stage;
  const draw = createRandom(seedOf(world.seed, `life of ${name}`));
  let leaving = false;
  let turns = 0;

  const start = (): Actor => {
    const actor = world.actor(name);
    const claimant = {
      runner: name,
      host: name,
      instance: nextId(),
      lease: 6 + Math.floor(actor.random() * 3) * 6,
    };
    instances.set(actor, claimant.instance);
    leaving = false;
    const leaves = () => leaving && current === actor;
    const hands = 1 + Math.floor(actor.random() * 2);
    void runner(stage, actor, claimant, stage.contended ? 1 : hands, leaves).then(() => {
      world.at(1_000 + actor.random() * 10_000, null, () => {
        if (current === actor) current = start();
      });
    });
    return actor;
  };
  let current = start();

  const meet = (fate: number, extent: number) => {
    turns += 1;
    const strikes = (what: string) => fortune.strikes(`${name} turn ${turns}: ${what}`);
    const actor = current;
    if (fate < 0.3) {
      if (!actor.alive || !strikes('killed')) return;
      actor.alive = false;
      world.at(extent * 40_000, null, () => {
        current = start();
      });
    } else if (fate < 0.55) {
      if (strikes('stands still')) actor.stoppedUntil = world.now() + extent * 40_000;
    } else if (fate < 0.7) {
      if (strikes('its wall clock is set')) actor.wallOffset += (extent - 0.5) * 10 * day;
    } else if (fate < 0.85) {
      if (strikes('the server is away')) server.away(world.now() + extent * 30_000);
    } else if (strikes('leaves')) leaving = true;
  };
  const next = () =>
    world.at((2 + draw() * 30) * 1000, null, () => {
      if (fortune.isCalm()) return;
      meet(draw(), draw());
      next();
    });
  next();
  return () => current;
}
