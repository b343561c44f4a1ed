import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { flushSpacing } from '../../src/runner/flush-spacing.ts';

const spacing = suite("spacing of a log's flushes");

spacing('a job that ends at once sends nothing before its outcome', () => {
  assert.is(flushSpacing(1_000).delay(1_010), 390);
});

spacing('a line after a silence goes at once, with what comes just behind it', () => {
  const pause = flushSpacing(0);
  assert.is(pause.delay(60_000), 30);
  pause.sent(60_030, 60_050, false);
  assert.is(pause.delay(61_000), 30);
});

spacing('lines that keep coming wait for a pause', () => {
  const pause = flushSpacing(0);
  pause.sent(1_000, 1_050, false);
  assert.is(pause.delay(1_050), 400);
  assert.is(pause.delay(1_300), 150);
});

spacing('where sending takes long, most of the time passes without', () => {
  const pause = flushSpacing(0);
  pause.sent(1_000, 3_000, false);
  assert.is(pause.delay(3_000), 8_000);
});

spacing('pieces for the store are rarer', () => {
  const pause = flushSpacing(0);
  pause.sent(1_000, 1_050, true);
  assert.is(pause.delay(1_050), 2_000);
});

spacing.run();
