import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Usage } from '../../src/ledger/usage.ts';
import { bars, describeUsage, usageTable } from '../../src/tui/usage-text.ts';

const GB = 1024 ** 3;
const usage: Usage = {
  seconds: 724,
  cpu: { mean: 2.13, peak: 4.12, limit: 4 },
  memory: { peak: 3.2 * GB, limit: 16 * GB },
};

test('what a job has used, in a few words', () => {
  assert.is(describeUsage(usage), '3.2GB of 16GB memory, 2.1 of 4 CPUs');
  assert.is(
    describeUsage({
      ...usage,
      cpu: { mean: 0, peak: 0 },
      memory: { peak: 512 },
      gpu: { count: 1, mean: 86.6, peak: 100, memory: 31 * GB },
    }),
    '512B memory, 0 CPUs, GPU 87% 31GB',
  );
  const silent = { count: 2, mean: null, peak: null, memory: null };
  assert.match(describeUsage({ ...usage, gpu: silent }), /, 2 GPUs \?$/);
});

test('a table has what is known, and leaves out what nothing says', () => {
  const job = { run: 'brave-otter', job: 'train', usage, series: null };
  const text = usageTable([
    job,
    { ...job, job: 'eval', usage: { ...usage, disk: { read: 0, written: GB } } },
  ]);
  const [titles, first, second] = text.split('\n');
  assert.is(titles, 'JOB                TIME    CPUS      PEAK  MEMORY         READ  WRITTEN');
  assert.is(first, 'brave-otter/train  12m04s  2.1 of 4  4.1   3.2GB of 16GB');
  assert.match(second ?? '', / 0B +1GB$/);
});

test('bars show a series, against what it was held to or its own largest value', () => {
  assert.is(bars([0, 1, 2, 4]), '▁▃▅█');
  assert.is(bars([0, 1, 2, 4], 8), '▁▂▃▅');
  assert.is(bars([1, null, 1, null]), '█ █');
  assert.is(bars([0, 0]), '▁▁');
  assert.is(bars([]), '');
  assert.ok(bars(Array.from({ length: 120 }, (_, index) => index)).length <= 16);
});

test.run();
