import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { longestLabel, scaleOf, ticksOf } from '../../src/tui/scale.ts';

const labels = (values: readonly number[], most: number, log?: boolean) =>
  ticksOf(scaleOf(values, log), most).map(({ label }) => label);

test('ticks are round, and no more than there is room for', () => {
  assert.equal(labels([0, 1], 6), ['0', '0.2', '0.4', '0.6', '0.8', '1.0']);
  assert.equal(labels([0, 1], 5), ['0', '0.5', '1.0']);
  assert.equal(labels([1, 4000], 5, false), ['1000', '2000', '3000', '4000']);
  assert.equal(labels([-0.03, 0.04], 4), ['-0.02', '0', '0.02', '0.04']);
  assert.equal(labels([0.000001, 0.000002], 2), ['1e-6', '2e-6']);
  assert.equal(labels([1e9, 1e9 + 100], 3), ['1.0000e+9', '1.0000e+9', '1.0000e+9']);
  assert.equal(labels([0, 5e9], 6), ['0', '1e+9', '2e+9', '3e+9', '4e+9', '5e+9']);
});

test('three powers of ten are shown by their logarithm, or whatever is asked for', () => {
  assert.is(scaleOf([0.01, 0.5]).kind, 'linear');
  assert.is(scaleOf([0.001, 1]).kind, 'log');
  assert.is(scaleOf([0, 1000]).kind, 'linear', 'nothing has a logarithm of 0');
  assert.is(scaleOf([0.001, 1], false).kind, 'linear');
  assert.is(scaleOf([1, 2], true).kind, 'log');
  assert.is(scaleOf([-1, 0], true).kind, 'linear', 'nothing is positive');
  assert.equal(labels([0.001, 1], 4), ['0.001', '0.01', '0.1', '1']);
  assert.equal(labels([1e-9, 1e9], 4), ['1e-9', '1e-4', '10', '1e6']);
  assert.is(Math.round(scaleOf([1, 100], true).place(10) * 10), 5);
  assert.not.ok(Number.isFinite(scaleOf([-1, 1, 10], true).place(-1)), "what isn't positive has no place");
});

test('one value alone stands in the middle; without any there is a scale all the same', () => {
  for (const value of [0, 5, -5, 1e-300, 1e300, -5e-324]) assert.is(scaleOf([value]).place(value), 0.5);
  assert.is(scaleOf([]).kind, 'linear');
});

test('all numbers have a place, and ticks lie on the scale', () => {
  const numbers = fc.array(fc.double({ noNaN: true, min: -1e300, max: 1e300 }), { minLength: 1 });
  fc.assert(
    fc.property(
      numbers,
      fc.integer({ min: 2, max: 20 }),
      fc.option(fc.boolean(), { nil: undefined }),
      (values, most, log) => {
        const scale = scaleOf(values, log);
        for (const value of values) {
          const place = scale.place(value);
          if (scale.kind === 'log' && value <= 0) continue;
          assert.ok(place > -1e-9 && place < 1 + 1e-9, `${value} is at ${place}`);
        }
        const ticks = ticksOf(scale, most);
        assert.ok(ticks.length <= Math.max(2, most), `${ticks.length} ticks`);
        for (const { value, label } of ticks) {
          const place = scale.place(value);
          assert.ok(place > -0.01 && place < 1.01, `${label} is at ${place} of ${scale.min} to ${scale.max}`);
          assert.match(label, /^-?\d+(\.\d+)?(e[+-]?\d+)?$/);
          assert.ok(label.length <= longestLabel, label);
        }
      },
    ),
  );
});

test('at the limits of numbers there are some ticks, too', () => {
  const { MAX_VALUE, MIN_VALUE } = Number;
  for (const values of [[-MAX_VALUE, MAX_VALUE], [0, MAX_VALUE], [MIN_VALUE], [0, MIN_VALUE], [MAX_VALUE]])
    for (const log of [true, false, undefined])
      assert.ok(ticksOf(scaleOf(values, log), 5).length < 6, `${values} ${log}`);
});

test.run();
