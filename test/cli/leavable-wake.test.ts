import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leavableWake } from '../../src/cli/leavable-wake.ts';
import { openWake } from '../../src/ledger/wake.ts';

const test = suite('leavable wake');
const ENDLESS = 2 ** 31 - 1;

test('a sign wakes who waits; leaving makes it give up, now and from then on', async () => {
  const wake = leavableWake(openWake({ path: null }));
  const woken = wake.wait(ENDLESS);
  wake.notify();
  await woken;
  assert.is(wake.left, false);

  const givenUp = wake.wait(ENDLESS).then(
    () => 'woken',
    () => 'given up',
  );
  wake.leave();
  assert.is(await givenUp, 'given up');
  assert.is(wake.left, true);
  assert.is(
    await wake.wait(ENDLESS).then(
      () => 'woken',
      () => 'given up',
    ),
    'given up',
  );
  wake.close();
});

test.run();
