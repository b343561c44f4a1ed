import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { QueueEntry } from '../../src/ledger/live.ts';
import { compareStandings, watchStandings } from '../../src/ledger/queue-order.ts';
import { jobName } from '../../src/ledger/refs.ts';

const hour = 3_600_000;
const noon = Date.parse('2026-03-01T12:00:00Z');
const entry = (run: string, submittedAt: number, priority?: number) =>
  ({
    id: { run, job: 'job' },
    submittedAt,
    job: priority === undefined ? {} : { priority },
  }) as QueueEntry;

/** The runs of these entries, in order. */
function ordered(entries: readonly QueueEntry[], watch = watchStandings(() => noon)): string[] {
  const standings = watch(entries);
  return entries
    .map((one) => {
      const standing = standings.get(jobName(one.id));
      assert.ok(standing);
      return { id: one.id, ...standing };
    })
    .sort(compareStandings)
    .map(({ id }) => id.run);
}

test('a higher priority comes first, then who waits for longer', () => {
  const entries = [
    entry('young', noon - 1_000),
    entry('old', noon - 60_000),
    entry('urgent', noon - 10, 5),
    entry('some-day', noon - hour / 2, -1),
  ];
  assert.equal(ordered(entries), ['urgent', 'old', 'young', 'some-day']);
});

test('jobs of one submission are as good as each other', () => {
  const [a, b] = [entry('a', noon), entry('b', noon)];
  const standings = watchStandings(() => noon)([a, b]);
  const [one, other] = [...standings.values()];
  assert.ok(one && other);
  assert.is(compareStandings(one, other), 0);
});

test('a clock that is wrong helps or harms for a while, not for ever', () => {
  let now = noon;
  const watch = watchStandings(() => now);
  const liar = entry('from-1970', 0);
  const late = entry('from-tomorrow', noon + 24 * hour);
  const honest = entry('honest', noon);
  assert.equal(ordered([late, honest, liar], watch), ['from-1970', 'honest', 'from-tomorrow']);
  // Whoever comes later comes after the one whose clock is ahead, and more than an hour later also after the honest one.
  now = noon + 5_000;
  const next = entry('next', now);
  assert.equal(ordered([late, honest, next], watch), ['honest', 'from-tomorrow', 'next']);
  now = noon + 2 * hour;
  const second = entry('second-from-1970', 0);
  assert.equal(ordered([second, late, honest, next], watch), [
    'honest',
    'from-tomorrow',
    'next',
    'second-from-1970',
  ]);
});

test("where the observer's own clock is wrong, jobs seen together are in the order of their submission", () => {
  for (const off of [-30 * 24 * hour, 30 * 24 * hour]) {
    const entries = [entry('b', noon - 1_000), entry('a', noon), entry('c', noon - 2_000)];
    assert.equal(
      ordered(
        entries,
        watchStandings(() => noon + off),
      ),
      ['c', 'b', 'a'],
    );
  }
});

test('there is always one order, whatever anybody says', () => {
  const time = fc.oneof(fc.double({ noNaN: true }), fc.constant(Number.POSITIVE_INFINITY), fc.constant(0));
  const standing = fc.record({
    priority: fc.integer({ min: -2, max: 2 }),
    since: time,
    submittedAt: time,
  });
  fc.assert(
    fc.property(standing, standing, standing, (a, b, c) => {
      assert.is(Math.sign(compareStandings(a, b)) + Math.sign(compareStandings(b, a)), 0);
      if (compareStandings(a, b) <= 0 && compareStandings(b, c) <= 0) assert.ok(compareStandings(a, c) <= 0);
    }),
  );
});

test.run();
