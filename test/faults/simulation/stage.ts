import type { Clock } from '../../../src/ledger/clock.ts';
import { type Ledger, onHost } from '../../../src/ledger/ledger.ts';
import { refNames } from '../../../src/ledger/refs.ts';
import type { Checker } from './checker.ts';
import type { MemoryObjects } from './memory-objects.ts';
import type { Server } from './server.ts';
import type { Actor, World } from './world.ts';

/** What the actors of a history share. */
export interface Stage {
  readonly world: World;
  readonly objects: MemoryObjects;
  readonly server: Server;
  readonly checker: Checker;
  /** Whoever is in the middle of something: a history isn't over before them. */
  readonly busy: Map<object, Actor>;
  /** An actor's `instance`, as its claims say it. */
  readonly instances: Map<Actor, string>;
  /** Jobs for several nodes compete for runners that have not enough hands for two of them. */
  readonly contended: boolean;
  nextId(): string;
}

/** An actor's view of the ledger: the real code on the simulated repository and time. */
export function ledgerOf({ world, server, nextId }: Stage, actor: Actor): Ledger {
  const clock: Clock = {
    monotonic: () => (world.now() / 1000) * actor.rate,
    now: () => 1_800_000_000_000 + (actor.wallStands ? 0 : world.now()) + actor.wallOffset,
    sleep: (ms) => new Promise((resolve) => world.at(ms / actor.rate, actor, resolve)),
    every(ms, act) {
      let on = true;
      const again = () =>
        world.at(ms / actor.rate, actor, () => {
          if (!on) return;
          act();
          again();
        });
      again();
      return () => {
        on = false;
      };
    },
    random: actor.random,
    id: nextId,
  };
  const names = refNames();
  return {
    shared: onHost(server.connect(actor), names, server.host),
    names,
    host: server.host,
    who: { name: actor.name, email: `${actor.name}@simulated` },
    clock,
    close() {},
  };
}
