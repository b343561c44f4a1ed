import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { firstFor, placeAmong, takeTurns } from '../../src/runner/candidates.ts';

const jobs = Array.from({ length: 200 }, (_, index) => `some-run/job-${index}`);
const names = ['a', 'b', 'c', 'd'];
const idle = new Map(names.map((name) => [name, 0]));

test('all runners agree on an order, a different one for each job', () => {
  const firsts = new Map<string, number>();
  for (const job of jobs) {
    const places = names.map((name) => placeAmong(idle, name, job));
    assert.equal([...places].sort(), [0, 1, 2, 3]);
    const first = names[places.indexOf(0)] as string;
    firsts.set(first, (firsts.get(first) ?? 0) + 1);
  }
  // By chance alone each has about a quarter.
  for (const name of names) assert.ok((firsts.get(name) ?? 0) > 25, `${name}: ${firsts.get(name)}`);
});

test('who has fewer jobs comes first', () => {
  const load = new Map([
    ['a', 2],
    ['b', 0],
    ['c', 1],
  ]);
  for (const job of jobs) {
    assert.equal(
      ['b', 'c', 'a'].map((name) => placeAmong(load, name, job)),
      [0, 1, 2],
    );
  }
});

test('a runner alone never waits, nor does one that the others have not seen yet', () => {
  assert.is(placeAmong(new Map([['a', 5]]), 'a', 'run/job'), 0);
  assert.is(placeAmong(new Map(), 'a', 'run/job'), 0);
});

test('a turn comes after those of all before, counted from when the opportunity was first seen', () => {
  let now = 1_000;
  const turns = takeTurns(() => now);
  turns.begin();
  assert.is(turns.dueIn('execute x', 0), 0);
  assert.is(turns.dueIn('execute y', 2), 300);
  assert.is(turns.dueIn('settle z', 0, 5_000), 5_000);
  assert.ok(turns.dueIn('execute w', 1_000_000) <= 1_500);
  now += 200;
  turns.begin();
  assert.is(turns.dueIn('execute y', 2), 100);
  now += 200;
  turns.begin();
  assert.is(turns.dueIn('execute y', 2), 0);
  // Gone for one look, it is a new opportunity.
  turns.begin();
  turns.begin();
  assert.is(turns.dueIn('execute y', 2), 300);
});

test('where claiming takes long, each runner is given more time to do so', async () => {
  let now = 1000;
  const turns = takeTurns(() => now);
  const claimIn = (milliseconds: number) =>
    turns.timed(async () => {
      now += milliseconds;
    });
  turns.begin();
  await claimIn(700);
  assert.is(turns.dueIn('execute a', 0), 0);
  assert.is(turns.dueIn('execute b', 1), 700);
  await claimIn(60_000);
  assert.is(turns.dueIn('execute c', 1), 1_000);
  assert.is(turns.dueIn('execute d', 1_000_000), 3_000);
  await claimIn(10);
  assert.is(turns.dueIn('execute e', 1), 150);
  assert.is(turns.dueIn('execute f', 1_000_000), 1_500);
});

test('of very many jobs each runner tries others first, always the same ones', () => {
  const first = names.map((name) => firstFor(name, jobs, (job) => job, 10));
  assert.ok(new Set(first.map(([job]) => job)).size > 1);
  assert.equal(
    first[0],
    firstFor('a', [...jobs].reverse(), (job) => job, 10),
  );
  const [gone] = first[0] as string[];
  const fewer = jobs.filter((job) => job !== gone);
  // One job less changes nothing in the order of the others.
  assert.equal(
    firstFor('a', fewer, (job) => job, 9),
    first[0]?.slice(1),
  );
  // Those are jobs at which it comes before most of the others.
  const places = (some: readonly string[]) => some.filter((job) => placeAmong(idle, 'a', job) === 0).length;
  assert.ok(places(first[0] as string[]) > places(jobs.slice(0, 10)));
});

test.run();
