import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { givenSince, readPidsGiven } from '../../src/executor/pids-given.ts';
import { hasProc } from '../../src/executor/process-table.ts';

const at = (count: number, last: number) => ({ count, last, limit: 1000 });
const among = (pids: readonly number[], isLater: (pid: number) => boolean) => pids.filter(isLater);
const all = [1, 99, 100, 500, 501, 998];

test('later processes have the pids from the first one to the last', () => {
  assert.equal(among(all, givenSince(100, at(7000, 100), at(7400, 500))), [100, 500]);
});

test('after the highest pid come the low ones', () => {
  assert.equal(among(all, givenSince(500, at(7000, 500), at(7400, 100))), [1, 99, 100, 500, 501, 998]);
  assert.equal(among(all, givenSince(501, at(7000, 501), at(7400, 99))), [1, 99, 501, 998]);
});

test('any pid may be that of a later one if all may have been given since, or nothing is known', () => {
  assert.equal(among(all, givenSince(100, at(7000, 100), at(7501, 601))), all);
  assert.equal(among(all, givenSince(100, null, at(7400, 500))), all);
  assert.equal(among(all, givenSince(100, at(7000, 100), null)), all);
});

if (hasProc) {
  test('a process that is started between two looks is among those that are later', async () => {
    const first = spawn('sleep', ['3600'], { stdio: 'ignore' });
    const before = readPidsGiven();
    assert.ok(before, 'Linux tells');
    for (let others = 0; others < 5; others += 1) spawnSync('true');
    const second = spawn('sleep', ['3600'], { stdio: 'ignore' });
    const isLater = givenSince(first.pid as number, before, readPidsGiven());
    assert.ok(isLater(first.pid as number));
    assert.ok(isLater(second.pid as number));
    assert.not(isLater(process.pid));
    for (const child of [first, second]) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
}

test.run();
