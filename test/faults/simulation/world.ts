import { createRandom, seedOf } from './random.ts';

interface Event {
  at: number;
  order: number;
  actor: Actor | null;
  run(): void;
}

/**
 * Whoever acts in a world: a runner, a submitter, somebody who stops. Dead ones never come back; a restart is a new one.
 * Each draws from sequences of its own, so that what happens to one changes as little as possible for the others.
 */
export interface Actor {
  /** Unlike every other's. */
  readonly name: string;
  alive: boolean;
  /** World time until which it stands still (SIGSTOP, suspend). */
  stoppedUntil: number;
  /** Seconds of its clock for a second of the world. */
  readonly rate: number;
  /** What its wall clock is off by, in milliseconds; may jump. */
  wallOffset: number;
  /** It has a wall clock that doesn't go. */
  readonly wallStands: boolean;
  /** What its own code draws. */
  readonly random: () => number;
  /** What decides what becomes of its calls. */
  readonly luck: () => number;
  /** How many calls it has made. */
  calls: number;
}

/**
 * Virtual time and a queue of events, executed one at a time in an order that the seed determines. After each event
 * of an actor's, all promises that can settle do so.
 */
export interface World {
  readonly seed: number;
  /** Milliseconds. */
  now(): number;
  at(delay: number, actor: Actor | null, run: () => void): void;
  actor(name: string): Actor;
  /** Runs until nothing is left, the world time `until` is reached, or `over` says so. */
  run(until: number, over: () => boolean): Promise<void>;
  /** Writes down what happens, if anybody wants to know. */
  note(text: () => string): void;
  readonly log: readonly string[];
}

export function createWorld(seed: number, logs: boolean): World {
  const events: Event[] = [];
  const log: string[] = [];
  const incarnations = new Map<string, number>();
  let time = 0;
  let order = 0;

  const push = (event: Event) => {
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = events[middle] as Event;
      if (other.at < event.at || (other.at === event.at && other.order < event.order)) low = middle + 1;
      else high = middle;
    }
    events.splice(low, 0, event);
  };

  return {
    seed,
    log,
    now: () => time,
    note(text) {
      if (logs) log.push(`${String(Math.round(time)).padStart(7)} ${text()}`);
    },
    at(delay, actor, run) {
      push({ at: time + Math.max(0, delay), order: order++, actor, run });
    },
    actor(role) {
      const incarnation = (incarnations.get(role) ?? 0) + 1;
      incarnations.set(role, incarnation);
      const name = incarnation === 1 ? role : `${role}.${incarnation}`;
      const random = createRandom(seedOf(seed, name));
      return {
        name,
        alive: true,
        stoppedUntil: 0,
        rate: 0.95 + random() * 0.1,
        wallStands: random() < 0.2,
        wallOffset: (random() - 0.5) * 7 * 24 * 3600 * 1000,
        random,
        luck: createRandom(seedOf(seed, `luck of ${name}`)),
        calls: 0,
      };
    },
    async run(until, over) {
      await settled();
      while (events.length > 0 && !over()) {
        const event = events.shift() as Event;
        if (event.at > until) {
          time = until;
          return;
        }
        time = Math.max(time, event.at);
        const { actor } = event;
        if (actor === null) {
          event.run();
          continue;
        }
        if (!actor.alive) continue;
        if (actor.stoppedUntil > time) {
          push({ ...event, at: actor.stoppedUntil });
          continue;
        }
        event.run();
        await settled();
      }
    },
  };
}

/** Resolves once all promises that can go on have done so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
