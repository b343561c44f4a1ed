import { DstackError } from '../../../src/errors.ts';
import type { PushOutcome, RefUpdate } from '../../../src/git/push.ts';
import type { SharedRepository } from '../../../src/ledger/shared-repository.ts';
import type { MemoryObjects } from './memory-objects.ts';
import type { Actor, World } from './world.ts';

/** How likely each misfortune is, for one call. */
export interface Misfortunes {
  /** The call never arrives. */
  lost: number;
  /** It is carried out, but the answer never arrives. */
  answerLost: number;
  /** It is carried out once more, much later: a process that hung. */
  late: number;
  /** The server is killed in the middle of a push: any subset of its updates stays, and it is away for a while. */
  crash: number;
  /** A listing takes its time, and sees some refs before and others after what happens meanwhile. */
  torn: number;
  /** Are pushes of several refs isolated from each other? */
  atomic: boolean;
  /** Asked each time something is about to go wrong; may spare it. */
  strikes(): boolean;
}

export interface Server {
  readonly refs: ReadonlyMap<string, string>;
  connect(actor: Actor): SharedRepository;
  /** The server, or the way to it, is away until then (world time). */
  away(until: number): void;
  /** From here on nothing goes wrong any more. */
  calm(): void;
}

const noAnswer = () => new DstackError('unreachable', 'the shared repository does not answer');
const gone = { code: 'unreachable', words: 'no answer', hint: undefined } as const;

/**
 * A repository with the semantics of Git's refs: single-ref compare-and-swap; pushes of several refs that are
 * isolated but not crash-atomic, or not even isolated; listings that are no snapshots.
 * @param observer told of every change of a ref, as it happens, and of every update that is acknowledged
 */
export function createServer(
  world: World,
  objects: MemoryObjects,
  misfortunes: Misfortunes,
  observer: {
    changed(ref: string, from: string | null, to: string | null, by: Actor): void;
    acknowledged(ref: string, by: Actor): void;
  },
): Server {
  const refs = new Map<string, string>();
  let luck = misfortunes;
  let awayUntil = 0;
  const happens = (chance: number) => world.random() < chance && luck.strikes();
  const latency = () => 5 + world.random() * 60;

  const set = (ref: string, to: string | null, by: Actor) => {
    const from = refs.get(ref) ?? null;
    if (from === to) return;
    if (to === null) refs.delete(ref);
    else refs.set(ref, to);
    observer.changed(ref, from, to, by);
  };
  const fits = ({ ref, from }: RefUpdate) => from === undefined || (refs.get(ref) ?? null) === from;

  const applyPush = (updates: readonly RefUpdate[], atomic: boolean, actor: Actor): boolean => {
    // Git sends no command for a ref that is already what it should be, so nothing checks it.
    const commands = updates.filter(({ ref, to }) => (refs.get(ref) ?? null) !== to);
    if (happens(luck.crash)) {
      awayUntil = Math.max(awayUntil, world.now() + 200 + world.random() * 3_000);
      for (const update of commands)
        if (fits(update) && world.random() < 0.5) set(update.ref, update.to, actor);
      return false;
    }
    if (atomic && luck.atomic) {
      if (!commands.every(fits)) return false;
      for (const { ref, to } of commands) set(ref, to, actor);
      return true;
    }
    let all = true;
    for (const update of commands) {
      if (fits(update)) set(update.ref, update.to, actor);
      else all = false;
    }
    return all;
  };

  /** A call there and back; `act` happens at the server. Never settles for the dead. */
  const call = <T>(actor: Actor, act: () => T, failed: () => T | Error, late: boolean): Promise<T> =>
    new Promise((resolve, reject) => {
      const answer = (value: T | Error, delay: number) =>
        world.at(delay, actor, () => (value instanceof Error ? reject(value) : resolve(value)));
      if (happens(luck.lost)) {
        answer(failed(), latency() + 500);
        return;
      }
      const answerLost = happens(luck.answerLost);
      world.at(latency(), null, () => {
        if (world.now() < awayUntil) {
          answer(failed(), latency());
          return;
        }
        const value = act();
        if (late && happens(luck.late)) {
          world.at(1_000 + world.random() * 38_000, null, () => {
            if (world.now() >= awayUntil) act();
          });
        }
        if (answerLost) answer(failed(), latency() + 500);
        else answer(value, latency());
      });
    });

  const within = (prefixes: readonly string[]) => (ref: string) =>
    prefixes.some((prefix) => ref === prefix || ref.startsWith(`${prefix}/`));

  return {
    refs,
    away(until) {
      awayUntil = Math.max(awayUntil, until);
    },
    calm() {
      luck = { ...luck, lost: 0, answerLost: 0, late: 0, crash: 0, torn: 0 };
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
        async list(prefixes) {
          const wanted = within(prefixes);
          if (!happens(luck.torn)) {
            return call(actor, () => new Map([...refs].filter(([ref]) => wanted(ref))), noAnswer, false);
          }
          // Two looks, each at some of the refs.
          const first = await call(
            actor,
            () => {
              const seen = [...refs].filter(([ref]) => wanted(ref));
              return new Map(seen.filter(([ref]) => hashBit(ref)));
            },
            noAnswer,
            false,
          );
          const second = await call(
            actor,
            () => new Map([...refs].filter(([ref]) => wanted(ref) && !hashBit(ref))),
            noAnswer,
            false,
          );
          return new Map([...first, ...second]);
        },
        push(updates, options) {
          const failed = (): PushOutcome => ({ ok: false, failure: gone });
          return call<PushOutcome>(
            actor,
            () => (applyPush(updates, options?.atomic ?? false, actor) ? { ok: true } : failed()),
            failed,
            true,
          ).then((outcome) => {
            for (const { ref } of outcome.ok ? updates : []) observer.acknowledged(ref, actor);
            return outcome;
          });
        },
      };
    },
  };
}

/** Which half of a torn listing a ref is in: by its area, so that a job's refs are torn apart. */
function hashBit(ref: string): boolean {
  let sum = 0;
  for (const letter of ref) sum = (sum * 31 + letter.charCodeAt(0)) >>> 0;
  return (sum & 4) === 0;
}
