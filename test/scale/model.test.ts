// The model of fleets against what can be said of it without it.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { quickCandidates, realCandidates, type Unclaimed } from './model/candidates.ts';
import { virtualClock } from './model/clock.ts';
import { type HostCosts, hostCosts } from './model/host-costs.ts';
import { machine } from './model/machine.ts';
import { usual } from './model/scenario.ts';
import { simulate } from './model/simulate.ts';
import { withTables } from './write-document.ts';

const cost = (host: number) => ({ host, client: 0, bytes: 100, roundTrips: 2 });
const costs: HostCosts = { list: () => cost(1), push: () => cost(10) };
const scenario = { ...usual, runners: 8, jobs: 60, latency: 1, cores: 4 };

test('a fleet ends all jobs, each claimed by one, and the same one always ends the same', () => {
  const outcome = simulate(scenario, costs);
  assert.is(outcome.finished, 60);
  assert.is(outcome.claims - outcome.wasted, 60);
  assert.is(outcome.historyRefs, 120);
  assert.equal(simulate(scenario, costs), outcome);
  assert.not.equal(simulate({ ...scenario, seed: 2 }, costs).drained, outcome.drained);
});

test('a host with too few cores is busy all the time, and holds up the jobs', () => {
  const slow: HostCosts = { list: () => cost(500), push: () => cost(500) };
  const free = simulate(scenario, costs);
  const held = simulate({ ...scenario, cores: 1 }, slow);
  assert.ok(free.hostBusy < 0.1, String(free.hostBusy));
  assert.ok(held.hostBusy > 0.9, String(held.hostBusy));
  assert.ok(held.drained > 2 * free.drained);
});

test('pushes that go together are fewer', () => {
  const many = { ...scenario, runners: 1, concurrency: 8, duration: 500, latency: 100 };
  assert.ok(simulate(many, costs).pushes < simulate({ ...many, grouped: false }, costs).pushes);
});

test('the quick order of candidates follows the rule of the real one', () => {
  const unclaimed: Unclaimed = {
    list: () => Int32Array.from({ length: 500 }, (_, job) => job),
    has: () => true,
    ever: () => 500,
  };
  const load = Int32Array.from([0, 0, 1, 0, 2]);
  for (const candidates of [quickCandidates(), realCandidates()]) {
    const first = candidates.firstFor(1, unclaimed, 50);
    assert.is(new Set(first).size, 50);
    const places = (runner: number) => first.map(candidates.placesOf(runner, load));
    const mean = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
    // Its own first ones are those at which the two others that are as free come later.
    assert.ok(mean(places(1)) < 0.5, String(mean(places(1))));
    // Who has a job comes after the three that have none, who has two after all.
    assert.ok(places(2).every((place) => place === 3));
    assert.ok(places(4).every((place) => place === 4));
  }
});

test('a job that comes later has its place among the others', () => {
  let count = 300;
  const unclaimed: Unclaimed = {
    list: () => Int32Array.from({ length: count }, (_, job) => job),
    has: (job) => job % 3 !== 0,
    ever: () => count,
  };
  const known = quickCandidates();
  known.firstFor(1, unclaimed, 20);
  count = 600;
  assert.equal(known.firstFor(1, unclaimed, 200), quickCandidates().firstFor(1, unclaimed, 200));
});

test('what was measured is drawn on between its points and beyond them', () => {
  const point = (host: number) => ({ host, client: 0, bytes: 0, roundTrips: 3 });
  const { list, push } = hostCosts({
    git: '',
    machine: '',
    times: 1,
    grouped: 10,
    byHistory: {
      0: { poll: point(5), push: point(20), 'push of 10': point(110) },
      100: { poll: point(5), push: point(40), 'push of 10': point(130) },
    },
    byQueue: {
      0: { poll: point(5), 'first poll': point(5) },
      10: { poll: point(15), 'first poll': point(35) },
    },
  });
  assert.is(push(50, 1).host, 30);
  assert.is(push(200, 1).host, 60);
  assert.is(push(0, 4).host, 50);
  assert.is(list(0, 5, 0).host, 10);
  assert.is(list(0, 10, 10).host, 35);
  assert.is(list(0, 10, 10).roundTrips, 3);
});

test('a machine does so much at a time, and time passes in order', () => {
  const clock = virtualClock();
  const two = machine(clock, 2);
  const ended: string[] = [];
  const sign = clock.sign();
  function* work(name: string, ms: number) {
    yield { ms: two.work(ms) };
    ended.push(`${name} ${clock.now()}`);
    if (name === 'b') sign.give();
  }
  function* waits() {
    const signed: boolean = yield { ms: 1_000, sign };
    ended.push(`signed ${signed} ${clock.now()}`);
  }
  clock.start(waits());
  for (const [name, ms] of [
    ['a', 10],
    ['b', 4],
    ['c', 5],
  ] as const)
    clock.start(work(name, ms));
  clock.run(() => false);
  assert.equal(ended, ['b 4', 'signed true 4', 'c 9', 'a 10']);
  assert.is(two.busy(), 19);
});

test('a table takes the place of the one that stood there, and one without a place is an error', () => {
  const text = 'a\n<!-- one -->\nold\n<!-- end -->\nb\n<!-- two -->\n<!-- end -->\n';
  assert.is(
    withTables(text, new Map([['one', '| x |']])),
    'a\n<!-- one -->\n\n| x |\n\n<!-- end -->\nb\n<!-- two -->\n<!-- end -->\n',
  );
  assert.throws(() => withTables(text, new Map([['three', '']])), /no place/);
});

test.run();
