import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setFrozen } from '../../src/runner/set-frozen.ts';

test("a job that can't be frozen is told of, and ends no runner", async () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const failing = {
    freeze: async () => {
      throw new Error('cannot toggle freezer');
    },
    thaw: async () => {},
  };
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', note);
  const id = { run: 'run-1', job: 'train' };
  setFrozen({ log }, id, failing, true);
  setFrozen({ log }, id, failing, false);
  setFrozen({ log }, id, null, true);
  await setImmediate();
  process.off('unhandledRejection', note);
  assert.equal(unhandled, []);
  assert.is(lines.length, 1);
  assert.match(lines[0] as string, /"job":"run-1\/train","error":"cannot toggle freezer".*it goes on/);
});

test.run();
