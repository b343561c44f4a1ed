/** A pseudo-random sequence that a seed determines (mulberry32, by Tommy Ettinger). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Event {
  at: number;
  order: number;
  actor: Actor | null;
  run(): void;
}

/** Whoever acts in a world: a runner, a submitter, somebody who stops. Dead ones never come back; a restart is a new one. */
export interface Actor {
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
}

/**
 * Virtual time and a queue of events, executed one at a time in an order that the seed determines. Between two
 * events all promises that can settle do so.
 */
export interface World {
  readonly random: () => number;
  /** Milliseconds. */
  now(): number;
  at(delay: number, actor: Actor | null, run: () => void): void;
  actor(name: string): Actor;
  kill(actor: Actor): void;
  /** Runs until nothing is left, the world time `until` is reached, or `over` says so. */
  run(until: number, over: () => boolean): Promise<void>;
  readonly log: string[];
}

export function createWorld(seed: number): World {
  const random = createRandom(seed);
  const events: Event[] = [];
  const log: string[] = [];
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
    random,
    log,
    now: () => time,
    at(delay, actor, run) {
      push({ at: time + Math.max(0, delay), order: order++, actor, run });
    },
    actor: (name) => ({
      name,
      alive: true,
      stoppedUntil: 0,
      rate: 0.95 + random() * 0.1,
      wallStands: random() < 0.1,
      wallOffset: (random() - 0.5) * 7 * 24 * 3600 * 1000,
    }),
    kill(actor) {
      actor.alive = false;
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
        if (event.actor && !event.actor.alive) continue;
        if (event.actor && event.actor.stoppedUntil > time) {
          push({ ...event, at: event.actor.stoppedUntil });
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
