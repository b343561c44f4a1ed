import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { timeLimit } from '../../src/runner/time-limit.ts';

const expiry = (seconds: number | null, now?: () => number) => {
  let expired = () => {};
  const happened = new Promise<void>((resolve) => {
    expired = resolve;
  });
  let times = 0;
  const limit = timeLimit(
    seconds,
    () => {
      times += 1;
      expired();
    },
    now,
  );
  return { limit, happened, times: () => times };
};

test('expires once it has run for so long, and not before it was started', async () => {
  const { limit, happened, times } = expiry(0.02);
  await sleep(60);
  assert.is(times(), 0);
  limit.start();
  limit.start();
  await happened;
  await sleep(40);
  assert.is(times(), 1);
});

test('does not count the time for which it is paused', async () => {
  let time = 0;
  const { limit, happened, times } = expiry(0.1, () => time);
  limit.pause();
  limit.start();
  await sleep(150);
  assert.is(times(), 0);
  limit.resume();
  time += 99;
  limit.pause();
  // A long while, of which nothing counts: a hundredth of the time is left.
  time += 1_000_000;
  await sleep(150);
  assert.is(times(), 0);
  limit.resume();
  await happened;
});

test('what has ended never expires, nor does what has no limit', async () => {
  const ended = expiry(0.02);
  ended.limit.start();
  ended.limit.end();
  const unlimited = expiry(null);
  unlimited.limit.start();
  unlimited.limit.pause();
  unlimited.limit.resume();
  await sleep(60);
  assert.is(ended.times() + unlimited.times(), 0);
});

test.run();
