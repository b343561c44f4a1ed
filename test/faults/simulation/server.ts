import { DstackError } from '../../../src/errors.ts';
import type { PushOutcome, RefUpdate } from '../../../src/git/push.ts';
import type { SharedRepository } from '../../../src/ledger/shared-repository.ts';
import type { Fortune } from './fortune.ts';
import type { MemoryObjects } from './memory-objects.ts';
import { createRandom, seedOf } from './random.ts';
import type { Actor, World } from './world.ts';

/** What kind of host it is, and how likely each misfortune is for one call. */
export interface HostKind {
  /** Can it push several refs all or none? (And even so it is not crash-atomic.) */
  readonly atomic: boolean;
  /** Is it on the machine of who pushes, so that all can be done in one, and what is deleted goes last whatever kills it? */
  readonly near: boolean;
  /** Is a push that isn't atomic carried out without those of others in between? */
  readonly isolated: boolean;
  /** Does it let refs be replaced by what isn't built on them, and deleted? Where not, the ledger has to do without. */
  readonly rewind: boolean;
  readonly delete: boolean;
  /** The call never arrives. */
  readonly lost: number;
  /** It is carried out, but the answer never arrives. */
  readonly answerLost: number;
  /** It is carried out once more, much later: a process that hung. */
  readonly late: number;
  /** The server is killed in the middle of a push: any subset of its updates stays, and it is away for a while. */
  readonly crash: number;
  /** A listing takes its time, and sees some refs before and others after what happens meanwhile. */
  readonly torn: number;
}

export interface RefObserver {
  /** A ref changes. `late`: by a call that was carried out once more. */
  changed(ref: string, from: string | null, to: string | null, by: Actor, late: boolean): void;
  /** An update is acknowledged to its sender, also one that changed nothing. */
  acknowledged(ref: string, by: Actor): void;
}

export interface Server {
  readonly host: HostKind;
  /** What refs hold, whatever stands for it. */
  readonly refs: ReadonlyMap<string, string>;
  connect(actor: Actor): SharedRepository;
  /** The server, or the way to it, is away until then (world time). */
  away(until: number): void;
  back(): void;
  /** Pushes that have not been carried out for the last time. */
  underWay(): number;
}

/** A call that hung is carried out at most this much later, in milliseconds. */
const latest = 39_000;
const silent: PushOutcome = {
  ok: false,
  failure: { code: 'unreachable', words: 'no answer', hint: undefined },
};
const noAnswer = () => new DstackError('unreachable', 'the shared repository does not answer');

/**
 * A repository with the semantics of Git's refs: single-ref compare-and-swap; pushes of several refs that are
 * isolated but not crash-atomic, or not even isolated; listings that are no snapshots.
 */
export function createServer(
  world: World,
  objects: MemoryObjects,
  host: HostKind,
  fortune: Fortune,
  observer: RefObserver,
): Server {
  /** Where Git's refs point, and what that stands for. */
  const tips = new Map<string, string>();
  const refs = new Map<string, string>();
  let awayUntil = 0;
  let underWay = 0;

  const set = ({ ref, to }: RefUpdate, by: Actor, late: boolean) => {
    if (to === null) tips.delete(ref);
    else tips.set(ref, to);
    const before = refs.get(ref) ?? null;
    const after = to === null ? null : objects.standsFor(to);
    if (before === after) return;
    if (after === null) refs.delete(ref);
    else refs.set(ref, after);
    observer.changed(ref, before, after, by, late);
  };
  const fits = ({ ref, from, to }: RefUpdate) => {
    const tip = tips.get(ref) ?? null;
    if (from !== undefined && tip !== from) return false;
    if (tip === null || tip === to) return true;
    return to === null ? host.delete : host.rewind || objects.isBuiltOn(to, tip);
  };

  /** Carries a push out, now or step by step. `crash`: draws which part of it stays. */
  const carryOut = (
    updates: readonly RefUpdate[],
    atomic: boolean | 'whole',
    by: Actor,
    late: boolean,
    crash: (() => number) | null,
    done: (all: boolean) => void,
  ): void => {
    // Git sends no command for a ref that is already what it should be, so nothing checks it.
    const commands = updates.filter(({ ref, to }) => (tips.get(ref) ?? null) !== to);
    if (crash && atomic === 'whole') {
      const places = new Map(commands.map((update) => [update, update.to === null ? 1 + crash() : 0]));
      const inOrder = [...commands].sort((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
      const count = commands.every(fits) ? Math.floor(crash() * (inOrder.length + 1)) : 0;
      for (const update of inOrder.slice(0, count)) set(update, by, late);
      awayUntil = Math.max(awayUntil, world.now() + 200 + crash() * 3_000);
      done(false);
      return;
    }
    if (crash) {
      for (const update of commands) if (crash() < 0.5 && fits(update)) set(update, by, late);
      awayUntil = Math.max(awayUntil, world.now() + 200 + crash() * 3_000);
      done(false);
      return;
    }
    if (atomic === 'whole' || (atomic && host.atomic)) {
      const all = commands.every(fits);
      if (all) for (const update of commands) set(update, by, late);
      done(all);
      return;
    }
    const step = (index: number, all: boolean): void => {
      const update = commands[index];
      if (!update) {
        done(all);
        return;
      }
      const applies = fits(update);
      if (applies) set(update, by, late);
      const next = () => step(index + 1, all && applies);
      if (host.isolated || index + 1 === commands.length) next();
      else world.at(1 + by.luck() * 30, null, next);
    };
    step(0, true);
  };

  const push = (
    actor: Actor,
    updates: readonly RefUpdate[],
    atomic: boolean | 'whole',
  ): Promise<PushOutcome> =>
    new Promise((resolve) => {
      const { luck } = actor;
      actor.calls += 1;
      const call = `${actor.name} push ${actor.calls}`;
      // Always as many draws, so that what doesn't strike changes nothing else.
      const [there, back, lost, answerLost, late, crash, patience, delay] = Array.from(
        { length: 8 },
        luck,
      ) as [number, number, number, number, number, number, number, number];
      const answer = (outcome: PushOutcome, after: number) =>
        world.at(after, actor, () => {
          resolve(outcome);
        });
      const timeOut = 500 + patience ** 2 * 6_000;
      if (lost < host.lost && fortune.strikes(`${call}: lost`)) {
        answer(silent, timeOut);
        return;
      }
      underWay += 1;
      world.at(5 + there * 60, null, () => {
        underWay -= 1;
        if (world.now() < awayUntil) {
          answer(silent, 5 + back * 60);
          return;
        }
        const dice =
          crash < host.crash && fortune.strikes(`${call}: server killed`)
            ? createRandom(seedOf(world.seed, call))
            : null;
        underWay += 1;
        carryOut(updates, atomic, actor, false, dice, (all) => {
          underWay -= 1;
          if (answerLost < host.answerLost && fortune.strikes(`${call}: answer lost`))
            answer(silent, timeOut);
          else {
            for (const { ref } of all ? updates : []) observer.acknowledged(ref, actor);
            answer(all ? { ok: true } : silent, 5 + back * 60);
          }
        });
        if (late < host.late && fortune.strikes(`${call}: carried out once more, late`)) {
          underWay += 1;
          world.at(1_000 + delay * (latest - 1_000), null, () => {
            const done = () => {
              underWay -= 1;
            };
            if (world.now() < awayUntil) done();
            else carryOut(updates, atomic, actor, true, null, done);
          });
        }
      });
    });

  const look = (actor: Actor, wanted: (ref: string) => boolean, torn: boolean) =>
    new Promise<Map<string, string>>((resolve, reject) => {
      const { luck } = actor;
      const fail = (after: number) => world.at(after, actor, () => reject(noAnswer()));
      actor.calls += 1;
      const [there, back, lost, answerLost] = [luck(), luck(), luck(), luck()] as const;
      if (lost < host.lost && fortune.strikes(`${actor.name} listing ${actor.calls}: lost`)) {
        fail(600);
        return;
      }
      const call = answerLost < host.answerLost ? `${actor.name} listing ${actor.calls}: answer lost` : null;
      const found = new Map<string, string>();
      const collect = (half: boolean | null) => {
        for (const [ref, id] of tips) {
          if (wanted(ref) && (half === null || halfOf(ref) === half)) found.set(ref, id);
        }
      };
      const end = () => {
        if (call !== null && fortune.strikes(call)) fail(600);
        else world.at(5 + back * 60, actor, () => resolve(found));
      };
      world.at(5 + there * 60, null, () => {
        if (world.now() < awayUntil) {
          fail(5 + back * 60);
          return;
        }
        if (!torn) {
          collect(null);
          end();
          return;
        }
        collect(true);
        world.at(5 + back * 250, null, () => {
          collect(false);
          end();
        });
      });
    });

  return {
    host,
    refs,
    underWay: () => underWay,
    away(until) {
      awayUntil = Math.max(awayUntil, until);
    },
    back() {
      awayUntil = 0;
    },
    connect(actor) {
      return {
        location: 'simulated',
        remote: 'simulated',
        path: null,
        local: { objectFormat: 'sha1' } as SharedRepository['local'],
        read: async (name) => objects.read(name),
        obtain: async () => {},
        write: async (commits) => objects.write(commits),
        close() {},
        list(prefixes) {
          const torn =
            actor.luck() < host.torn && fortune.strikes(`${actor.name} listing ${actor.calls + 1}: torn`);
          return look(
            actor,
            (ref) => prefixes.some((prefix) => ref === prefix || ref.startsWith(`${prefix}/`)),
            torn,
          );
        },
        tips: (wanted) => look(actor, (ref) => wanted.includes(ref), false),
        push: async (updates, options) =>
          updates.length === 0 ? { ok: true } : push(actor, updates, options?.atomic ?? false),
        pushWhole: async (updates) => (host.near ? push(actor, updates, 'whole') : null),
      };
    },
  };
}

/** Which half of a torn listing a ref is in: by its name, so that a job's refs are torn apart. */
function halfOf(ref: string): boolean {
  return (seedOf(0, ref) & 4) === 0;
}
