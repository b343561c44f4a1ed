// Some restarts of runners and some jobs in a row; `npm run test:faults -- --restarts 1000` does many.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endure, restart } from './real/restarts.ts';

test('runners that are killed and start again take up what they had, and leave nothing', async () => {
  const { violations, left } = await restart({ cycles: 12, parallel: 2, docker: false });
  assert.equal(violations, []);
  const gone = [
    'processes',
    'containers',
    'work folders',
    'lock files',
    'queue',
    'claims',
    'stops',
    'runners',
  ];
  for (const what of gone) assert.is(left[what], 0, `${what}: ${left[what]}`);
});

test('a runner that executes job after job holds no more than after the first ones', async () => {
  const { samples } = await endure(52);
  const [first, last] = [samples[0], samples.at(-1)];
  assert.ok(first && last && last.jobs > first.jobs);
  // A child that is just at work has a few; one for each job would be more than twenty.
  assert.ok(last.descriptors <= first.descriptors + 15, JSON.stringify(samples));
});

test.run();
