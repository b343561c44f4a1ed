import { takeTurns } from '../../../src/runner/candidates.ts';
import type { Candidates } from './candidates.ts';
import type { Process, VirtualClock } from './clock.ts';
import { carryOut } from './course.ts';
import type { Host } from './host.ts';
import { openOutbox } from './outbox.ts';
import type { Scenario } from './scenario.ts';

/** Candidates that a look weighs, as in `src/runner/shift.ts`. */
const weighed = 200;
/** How often branches are asked for where the repository is elsewhere, as in `src/runner/keep-triggers.ts`. */
const triggerPoll = 10_000;

/** What all runners have in common. */
export interface Fleet {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly host: Host;
  readonly candidates: Candidates;
  /** How many claims each runner holds, as the host has it. */
  readonly load: Int32Array;
  readonly claims: { tried: number; wasted: number };
  random(): number;
  isOver(): boolean;
  settled(): void;
}

/** A runner as `src/runner/runner.ts` and `shift.ts` make it act: looks, claims, waits. */
export function startRunner(fleet: Fleet, number: number): void {
  const { scenario, clock, host, random } = fleet;
  const turns = takeTurns(clock.now);
  const outbox = openOutbox(clock, host, scenario.grouped);
  const known = { queued: 0, changes: 0 };
  const wake = clock.sign();
  let own = 0;
  let isDue = false;
  const notify = () => {
    isDue = true;
    wake.give();
  };
  const isFull = () => own >= scenario.concurrency;

  /** @returns milliseconds until there may be more to do; 0: at once */
  function* act(seen: readonly number[], load: Int32Array): Process<number> {
    turns.begin();
    if (isFull() || seen.length === 0) return Number.POSITIVE_INFINITY;
    // The runners' cards: who is there.
    yield* host.ask();
    let dueIn = Number.POSITIVE_INFINITY;
    const placeOf = fleet.candidates.placesOf(number, load);
    const ranked = seen.map((job) => ({ job, place: placeOf(job) })).sort((a, b) => a.place - b.place);
    for (const { job, place } of ranked) {
      if (isFull()) break;
      const wait = turns.dueIn(`execute ${job}`, place);
      if (wait > 0) dueIn = Math.min(dueIn, wait);
      else if (!(yield* claim(job))) return 0;
    }
    return dueIn;
  }

  function* claim(job: number): Process<boolean> {
    let isWon = false;
    fleet.claims.tried += 1;
    yield* outbox.push(1, () => {
      isWon = host.claim(job, number);
      if (isWon) fleet.load[number]! += 1;
    });
    // Won: the job's refs once more. Not won: who has it.
    yield* host.ask();
    if (!isWon) {
      fleet.claims.wasted += 1;
      return false;
    }
    own += 1;
    clock.start(
      (function* () {
        yield* carryOut(fleet, outbox, job);
        fleet.load[number]! -= 1;
        own -= 1;
        notify();
      })(),
    );
    return true;
  }

  function* watch(): Process {
    let lookedAt = Number.NEGATIVE_INFINITY;
    yield { ms: random() * scenario.poll };
    while (!fleet.isOver()) {
      const start = clock.now();
      let dueIn = Number.POSITIVE_INFINITY;
      // With no hand free only stops are of interest.
      if (isFull() && start - lookedAt < scenario.poll) yield* host.ask();
      else {
        let seen: number[] = [];
        let load = fleet.load;
        yield* host.look(number, known, () => {
          if (isFull()) return;
          seen = fleet.candidates.firstFor(number, host, weighed);
          if (seen.length > 0) load = fleet.load.slice();
        });
        lookedAt = start;
        dueIn = yield* act(seen, load);
      }
      const took = clock.now() - start;
      if (!isDue) yield { ms: Math.min(dueIn, scenario.poll * (0.85 + random() * 0.3)), sign: wake };
      isDue = false;
      yield { ms: Math.min(scenario.poll, Math.max(20, 3 * took)) };
    }
  }

  /** The card, every third of the lease, and after it a look at those of others. */
  function* heartbeats(): Process {
    const heartbeat = (scenario.lease * 1000) / 3;
    yield { ms: random() * heartbeat };
    while (!fleet.isOver()) {
      yield* outbox.push(1, () => {});
      yield* host.ask();
      yield { ms: heartbeat };
    }
  }

  function* triggers(): Process {
    yield { ms: random() * triggerPoll };
    while (!fleet.isOver()) {
      yield* host.ask();
      yield { ms: Math.max(scenario.poll, triggerPoll) };
    }
  }

  clock.start(watch());
  clock.start(heartbeats());
  if (scenario.triggers) clock.start(triggers());
}
