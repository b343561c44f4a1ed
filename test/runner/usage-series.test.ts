import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { UsageReading } from '../../src/executor/executor.ts';
import { mostPoints, usageSchema, usageSeriesSchema } from '../../src/ledger/usage.ts';
import { recordUsage } from '../../src/runner/usage-series.ts';

const reading = (seconds: number, cpu: number, more: Partial<UsageReading> = {}): UsageReading => ({
  seconds,
  cpu,
  memory: 1_000,
  disk: null,
  network: null,
  ...more,
});

test('nothing seen is nothing told', () => {
  assert.is(recordUsage().result(), null);
});

test('rates are means of what has grown, memory is the most', () => {
  const recorder = recordUsage();
  recorder.add(reading(1, 2, { memory: 500, disk: { read: 100, written: 0 } }), null);
  recorder.add(reading(2, 2.5, { memory: 900, disk: { read: 100, written: 50 } }), null);
  recorder.add(reading(4, 2.5, { memory: 100, disk: { read: 300, written: 50 } }), null);
  assert.equal(recorder.result(), {
    totals: {
      seconds: 4,
      cpu: { mean: 0.63, peak: 2 },
      memory: { peak: 900 },
      disk: { read: 300, written: 50 },
    },
    series: {
      format: 1,
      span: 1,
      points: {
        cpu: [2, 0.5, null, 0],
        memory: [500, 900, null, 100],
        diskRead: [100, 0, null, 100],
        diskWritten: [0, 50, null, 0],
      },
    },
  });
});

test("of GPUs that don't say how busy they are, memory is known still", () => {
  const recorder = recordUsage();
  recorder.add(reading(1, 1), [
    { utilisation: 50, memory: 10 },
    { utilisation: 100, memory: 20 },
  ]);
  recorder.add(reading(2, 2), null);
  const { totals, series } = recorder.result() ?? {};
  assert.equal(totals?.gpu, { count: 2, mean: 75, peak: 75, memory: 30 });
  assert.equal(series?.points.gpu, [75, null]);
  const silent = recordUsage();
  silent.add(reading(1, 1), [{ utilisation: null, memory: 7 }]);
  assert.equal(silent.result()?.totals.gpu, { count: 1, mean: null, peak: null, memory: 7 });
  assert.is(silent.result()?.series.points.gpu, undefined);
});

test('what was counted and is lost is no negative use', () => {
  const recorder = recordUsage();
  recorder.add(reading(1, 5), null);
  recorder.add(reading(2, 3), null);
  recorder.add(reading(3, 4), null);
  assert.equal(recorder.result()?.series.points.cpu, [5, 0, 1]);
});

test('readings too near each other, or out of order, are passed over', () => {
  const recorder = recordUsage();
  recorder.add(reading(1, 1), null);
  recorder.add(reading(1.01, 9), null);
  recorder.add(reading(0.5, 9), null);
  recorder.add(reading(2, 2), null);
  assert.equal(recorder.result()?.series.points.cpu, [1, 1]);
});

test('however long a job runs, its series stays small, and its totals stay right', () => {
  const recorder = recordUsage();
  let looks = 0;
  let most = 0;
  let peak = 0;
  const month = 30 * 24 * 3600;
  for (let seconds = 0, cpu = 0; seconds < month; looks += 1) {
    const step = Math.min(10, recorder.span());
    seconds += step;
    const rate = 1 + (Math.floor(seconds) % 7);
    peak = Math.max(peak, rate);
    cpu += rate * step;
    recorder.add(reading(seconds, cpu, { memory: seconds === 5_000 ? 77_777 : 10 }), null);
    if (looks % 1000 === 0) most = Math.max(most, recorder.result()?.series.points.cpu?.length ?? 0);
  }
  const { totals, series } = recorder.result() ?? {};
  assert.ok(totals && series);
  assert.ok(looks <= month / 10 + 600);
  assert.ok(most <= mostPoints);
  const { cpu = [] } = series.points;
  assert.ok(cpu.length > mostPoints / 2 && cpu.length <= mostPoints);
  assert.ok(cpu.every((value) => value !== null && Math.abs(value - totals.cpu.mean) < 0.5));
  assert.ok(Math.abs(totals.seconds - month) < 20);
  assert.is(totals.cpu.peak, peak);
  assert.is(Math.max(...(series.points.memory ?? []).map((value) => value ?? 0)), totals.memory.peak);
  assert.ok(JSON.stringify(series).length < 4_000);
  usageSchema.parse(totals);
  usageSeriesSchema.parse(series);
});

test('after a long sleep of the machine the gap is seen', () => {
  const recorder = recordUsage();
  recorder.add(reading(1, 1), null);
  recorder.add(reading(100_000, 2), null);
  const { cpu = [] } = recorder.result()?.series.points ?? {};
  assert.ok(cpu.length <= mostPoints);
  assert.ok(cpu.filter((value) => value === null).length > 50);
});

test.run();
