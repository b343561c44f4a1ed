import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { gangOf, nodesOf, offersToMake } from '../../../src/ledger/gangs/gather.ts';
import type { QueueEntry } from '../../../src/ledger/live.ts';
import { gangEntry, nodesByKey, nodeTip } from './sample.ts';

const never = { silentFor: () => 0 };
const names = (nodes: ReturnType<typeof gangOf>) => nodes?.map(({ node }) => node.runner) ?? null;
const gang = (entry: QueueEntry, ...tips: Parameters<typeof nodesByKey>) =>
  names(gangOf(entry, { live: { nodes: nodesByKey(...tips) }, silence: never }));

const train = gangEntry('train', 2);

test('a gang is complete with as many offers as it needs, in the order of names', () => {
  assert.is(gang(train, nodeTip('train', 'a')), null);
  assert.equal(gang(train, nodeTip('train', 'b'), nodeTip('train', 'a')), ['a', 'b']);
  assert.equal(gang(train, nodeTip('train', 'c'), nodeTip('train', 'b'), nodeTip('train', 'a')), ['a', 'b']);
});

test('offers to another job, or to an earlier queue entry of this one, do not count', () => {
  assert.is(gang(train, nodeTip('train', 'a'), nodeTip('other', 'b')), null);
  assert.is(gang(train, nodeTip('train', 'a'), nodeTip('train', 'b', { queue: 'earlier' })), null);
});

test('offers of the dead do not count', () => {
  const live = { nodes: nodesByKey(nodeTip('train', 'a'), nodeTip('train', 'b')) };
  const silence = { silentFor: (key: string) => (key === 'r/train@b' ? 60 : 59) };
  assert.is(gangOf(train, { live, silence }), null);
  assert.equal(
    nodesOf(train, { live, silence }).map(({ node }) => node.runner),
    ['a'],
  );
});

test('nothing begins while somebody of a former gang may compute', () => {
  const free = [nodeTip('train', 'a'), nodeTip('train', 'b')];
  for (const state of ['ready', 'pulling', 'running', 'ended'] as const)
    assert.is(gang(train, ...free, nodeTip('train', 'c', { state, gang: 'former' })), null, state);
  assert.equal(gang(train, ...free, nodeTip('train', 'c', { state: 'joined', gang: 'former' })), ['a', 'b']);
});

test('a runner offers itself to the first of the order, as far as its room goes', () => {
  const jobs = [
    { entry: gangEntry('late', 2, { submittedAt: 3 }) },
    { entry: gangEntry('early', 2, { submittedAt: 1 }) },
    { entry: gangEntry('large', 2, { submittedAt: 0 }) },
  ];
  const offers = (room: number) =>
    offersToMake(jobs, room, ({ entry }) => (entry.id.job === 'large' ? null : true)).map(
      ({ job }) => job.entry.id.job,
    );
  assert.equal(offers(0), []);
  assert.equal(offers(1), ['early']);
  assert.equal(offers(5), ['early', 'late']);
});

test('priority comes before age', () => {
  const urgent = gangEntry('urgent', 2, { submittedAt: 9 });
  const jobs = [
    { entry: gangEntry('old', 2) },
    { entry: { ...urgent, job: { ...urgent.job, priority: 1 } } },
  ];
  assert.equal(
    offersToMake(jobs, 1, () => true).map(({ job }) => job.entry.id.job),
    ['urgent'],
  );
});

/**
 * Rounds in which runners look, one after the other in any order, take back offers and make others, and begin what is
 * complete. @returns the jobs that have not begun when nothing changes any more
 */
function play(
  sizes: readonly number[],
  runners: readonly (readonly number[])[],
  turns: readonly number[],
): number[] {
  const waiting = new Set(sizes.keys());
  const offered = new Map<number, number>();
  const held = new Map<number, number>();
  const turn = (runner: number) => {
    if (held.has(runner)) return;
    const jobs = [...waiting]
      .filter((job) => runners[runner]?.includes(job))
      .map((job) => ({ job, entry: gangEntry(`j${job}`, sizes[job] as number, { submittedAt: job }) }));
    const [made] = offersToMake(jobs, 1, () => true);
    if (!made) offered.delete(runner);
    else offered.set(runner, made.job.job);
    for (const job of waiting) {
      const live = {
        nodes: nodesByKey(
          ...[...offered].filter(([, one]) => one === job).map(([name]) => nodeTip(`j${job}`, `r${name}`)),
        ),
      };
      const nodes = gangOf(gangEntry(`j${job}`, sizes[job] as number), { live, silence: never });
      if (!nodes) continue;
      waiting.delete(job);
      for (const { node } of nodes) {
        held.set(Number(node.runner.slice(1)), job);
        offered.delete(Number(node.runner.slice(1)));
      }
    }
  };
  for (const runner of turns) turn(runner % runners.length);
  // Every job ends, and what it had becomes free; what then still waits waits for ever.
  for (let round = 0; round < 20; round += 1) {
    const [ended] = held.values();
    for (const [runner, job] of held) if (job === ended) held.delete(runner);
    for (const runner of runners.keys()) turn(runner);
  }
  return [...waiting];
}

test('whatever order they look in, no two gangs that each hold a part wait for each other', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 2, max: 5 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 30 }),
      (count, sizes, turns) => {
        const fitting = sizes.flatMap((size, job) => (size <= count ? [job] : []));
        const runners = Array.from({ length: count }, () => fitting);
        const stuck = play(sizes, runners, turns).filter((job) => fitting.includes(job));
        assert.equal(stuck, []);
      },
    ),
  );
});

test.run();
