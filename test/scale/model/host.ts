import type { Cost } from '../measure/measured-host.ts';
import type { Unclaimed } from './candidates.ts';
import type { Process, VirtualClock } from './clock.ts';
import type { HostCosts } from './host-costs.ts';
import { machine } from './machine.ts';
import type { Scenario } from './scenario.ts';

/** What a finished job leaves: its outcome's ref and its log's. A run's own is one in many. */
const historyOfJob = 2;

/** What a runner knows of the host's objects. */
export interface Known {
  queued: number;
  changes: number;
}

/** The shared repository: what is there, and what it costs to ask for it or to change it. */
export interface Host extends Unclaimed {
  readonly counts: {
    lists: number;
    pushes: number;
    bytes: number;
    /** The most that there were at once. */
    liveRefs: number;
    submitted: number;
    settled: number;
  };
  /** What it has computed, its processors together, milliseconds. */
  time(): number;
  historyRefs(): number;
  /** Puts more jobs into the queue; who submits costs nothing here. */
  submit(count: number): void;
  /** @returns whether nobody else has it */
  claim(job: number, runner: number): boolean;
  /** The claim's tip is another one: who looks next has to fetch it. */
  change(job: number): void;
  settle(job: number): void;
  /** A listing of queue, claims and stops; `look` is called when the host makes it. */
  look(runner: number, known: Known, look: () => void): Process;
  /** A listing of a few refs. */
  ask(): Process;
  /** A push of so many updates; `apply` is called when the host carries them out. */
  push(updates: number, apply: () => void): Process;
}

export function openHost(clock: VirtualClock, costs: HostCosts, scenario: Scenario): Host {
  const processor = machine(clock, scenario.cores);
  const line = machine(clock, 1);
  const owners = new Int32Array(scenario.jobs).fill(-1);
  /** Jobs whose claim has changed, in order, and for each where its last change is. */
  const changes: number[] = [];
  const lastChange = new Int32Array(scenario.jobs);
  /** The unclaimed ones, the last of them put in place of each that goes. */
  const unclaimed = new Int32Array(scenario.jobs);
  const placeOf = new Int32Array(scenario.jobs).fill(-1);
  let free = 0;
  let claimed = 0;
  let inQueue = 0;
  let history = scenario.history;
  const counts = { lists: 0, pushes: 0, bytes: 0, liveRefs: 0, settled: 0, submitted: 0 };

  const live = () => inQueue + claimed + scenario.runners;
  const allRefs = () => live() + historyRefs();
  const historyRefs = () => Math.min(history, scenario.historyLimit ?? Number.POSITIVE_INFINITY);
  const change = (job: number) => {
    lastChange[job] = changes.length;
    changes.push(job);
  };
  function* carryOut(cost: Cost, apply: () => void): Process {
    counts.bytes += cost.bytes;
    const travel = (cost.roundTrips * scenario.latency) / 2;
    yield { ms: travel + (scenario.together ? processor.work(cost.client) : cost.client) };
    yield { ms: processor.work(cost.host) };
    apply();
    yield { ms: travel + line.work((cost.bytes / scenario.bandwidth) * 1000) };
  }

  return {
    counts,
    time: processor.busy,
    historyRefs,
    list: () => unclaimed.subarray(0, free),
    has: (job) => placeOf[job] !== -1,
    ever: () => counts.submitted,
    submit(count) {
      for (; count > 0 && counts.submitted < scenario.jobs; count -= 1) {
        placeOf[counts.submitted] = free;
        unclaimed[free] = counts.submitted;
        free += 1;
        inQueue += 1;
        counts.submitted += 1;
      }
    },
    claim(job, runner) {
      const place = placeOf[job] as number;
      if (place === -1) return false;
      free -= 1;
      const last = unclaimed[free] as number;
      unclaimed[place] = last;
      placeOf[last] = place;
      placeOf[job] = -1;
      owners[job] = runner;
      claimed += 1;
      change(job);
      counts.liveRefs = Math.max(counts.liveRefs, live());
      return true;
    },
    change,
    settle(job) {
      owners[job] = -1;
      inQueue -= 1;
      claimed -= 1;
      history += historyOfJob;
      counts.settled += 1;
    },
    look(runner, known, look) {
      counts.lists += 1;
      let fresh = Math.min(inQueue, counts.submitted - known.queued);
      for (let at = known.changes; at < changes.length; at += 1) {
        const job = changes[at] as number;
        const owner = owners[job] as number;
        if (lastChange[job] === at && owner !== runner && owner !== -1) fresh += 1;
      }
      known.queued = counts.submitted;
      known.changes = changes.length;
      return carryOut(costs.list(allRefs(), inQueue + claimed, fresh), look);
    },
    ask() {
      counts.lists += 1;
      return carryOut(costs.list(allRefs(), 0, 0), () => {});
    },
    push(updates, apply) {
      counts.pushes += 1;
      return carryOut(costs.push(allRefs(), updates), apply);
    },
  };
}
