import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keepTriggers } from '../../src/runner/keep-triggers.ts';

test('of many signs at once one look is made, and the next when its time has come', async () => {
  let looks = 0;
  const begun = performance.now();
  const triggers = keepTriggers(
    {
      async look() {
        looks += 1;
        return { submitted: [], rejected: [], failed: [], dueIn: Number.POSITIVE_INFINITY };
      },
    },
    { shared: { path: null }, poll: 1, log: { info() {}, warn() {} }, found() {} },
  );
  await triggers.begun;
  for (let sign = 0; sign < 50; sign += 1) {
    triggers.notify();
    await sleep(2);
  }
  await triggers.stop();
  // Elsewhere they are five seconds apart.
  const most = 1 + Math.floor((performance.now() - begun) / 5_000);
  assert.ok(looks >= 1 && looks <= most, `${looks} of ${most}`);
});

test.run();
