import { type Allotment, stockOf } from '../../../src/ledger/allotments.ts';
import type { Action } from '../../../src/ledger/decide.ts';
import { membersOf } from '../../../src/ledger/fleet.ts';
import type { ClaimTip, QueueEntry } from '../../../src/ledger/live.ts';
import { takeTurns } from '../../../src/runner/candidates.ts';
import { goThrough } from '../../../src/runner/go-through.ts';
import { fitsBeside, lineUp } from '../../../src/runner/line-up.ts';
import { type Offer, type Way, watchOpenings } from '../../../src/runner/openings.ts';
import { openRoom } from '../../../src/runner/room.ts';
import type { RunnerOptions } from '../../../src/runner/runner-options.ts';
import type { Process, VirtualClock } from '../../scale/model/clock.ts';
import { claimOf, fitsMachine, type Job, keyOf, type RunnerSpec, type World, wallBegin } from './world.ts';

type Execute = Extract<Action, { do: 'execute' }>;

/** What is seen of what a runner does, as it does it. */
export interface Watcher {
  tried(): void;
  wasted(): void;
  /** It is about to claim this one, of those that it sees; `couldBegin`: for which it has room beside what it has. */
  begins(runner: RunnerSpec, job: Job, seen: readonly Way[], couldBegin: (way: Way) => boolean): void;
  begun(runner: RunnerSpec, job: Job, taken: Iterable<Allotment>): void;
  keeps(runner: RunnerSpec, kept: Way | null): void;
}

/** A runner as `src/runner/shift.ts` makes it act, with the same code for what it takes, and jobs that only take time. */
export function startRunner(
  world: World,
  spec: RunnerSpec,
  clock: VirtualClock,
  random: () => number,
  watcher: Watcher,
  isOver: () => boolean,
): void {
  const { latency, poll, patience } = world;
  const stock = stockOf(spec.machine);
  const taken = new Map<string, Allotment>();
  const turns = takeTurns(clock.now);
  const wall = () => wallBegin + clock.now() + spec.wallOffset;
  const openings = watchOpenings(poll, wall, clock.now);
  const wake = clock.sign();
  const options = { executors: { stock }, name: spec.name, labels: {}, concurrency: spec.concurrency };
  const room = openRoom(options as unknown as RunnerOptions, taken, () => taken.size);
  const byKey = new Map(world.jobs.map((job) => [keyOf(job), job]));
  const cards = world.runners.map(({ name, machine, concurrency }) => ({
    name,
    machine,
    concurrency,
    labels: {},
    draining: false,
  }));

  /** What there was a moment ago. */
  const look = () => {
    const then = clock.now() - latency;
    const queue = new Map<string, QueueEntry>();
    const claims = new Map<string, ClaimTip>();
    for (const job of world.jobs) {
      if (job.ended || job.at > then) continue;
      queue.set(keyOf(job), job.entry);
      if (job.begun && job.begun.at <= then) claims.set(keyOf(job), claimOf(job, job.begun.by));
    }
    return { queue, claims };
  };

  function* claim(way: Way): Process {
    const job = byKey.get(way.key) as Job;
    watcher.tried();
    yield { ms: latency };
    if (job.begun) {
      watcher.wasted();
      taken.delete(way.key);
      wake.give();
      return;
    }
    job.begun = { at: clock.now(), by: spec.name };
    watcher.begun(spec, job, taken.values());
    yield { ms: job.duration };
    job.ended = true;
    taken.delete(way.key);
    wake.give();
  }

  let keptBefore: string | null = null;
  function act(): number {
    const live = look();
    const executable = [...live.queue].flatMap(([key, entry]): Execute[] => {
      const job = byKey.get(key);
      if (!job || live.claims.has(key) || taken.has(key) || !fitsMachine(spec, job)) return [];
      return [{ do: 'execute', entry, over: null }];
    });
    turns.begin();
    const ways = openings.of(
      executable,
      (needs) => room.lacking(needs) === null,
      () => false,
    );
    const others = membersOf(
      cards.filter(({ name }) => name !== spec.name),
      live,
    );
    const idle = openings.idle(ways, others);
    const { candidates, kept } = lineUp(ways, room.self(), others, idle, patience, keptBefore);
    keptBefore = kept?.key ?? null;
    watcher.keeps(spec, kept);
    const offer: Offer = {
      at: clock.now(),
      candidates: [...candidates],
      kept,
      makers: new Map(),
      begun: new Set(),
    };
    return goThrough(offer, {
      mayBegin: () => taken.size < spec.concurrency,
      isHeld: (key) => taken.has(key),
      room,
      heldBack: () => 0,
      turnOf: ({ opening, place }) => turns.dueIn(`execute ${opening.key}`, place),
      headStartOf: ({ opening, suitsSmaller }) => (suitsSmaller ? openings.headStartOf(opening.key) : 0),
      begin(way, share) {
        const afterKept = new Set(candidates.flatMap((one) => (one.afterKept ? [one.opening.key] : [])));
        const couldBegin = (other: Way) =>
          !taken.has(other.key) &&
          room.lacking(other.spec) === null &&
          (!kept || !afterKept.has(other.key) || fitsBeside(kept, other.spec, room.self()));
        watcher.begins(spec, byKey.get(way.key) as Job, ways, couldBegin);
        openings.tried(way.key);
        taken.set(way.key, share);
        clock.start(claim(way));
      },
    });
  }

  clock.start(
    (function* (): Process {
      yield { ms: random() * poll };
      while (!isOver()) {
        const dueIn = spec.deaf ? Number.POSITIVE_INFINITY : act();
        yield { ms: Math.min(dueIn, poll * (0.85 + random() * 0.3)), sign: wake };
        yield { ms: 20 };
      }
    })(),
  );
}
