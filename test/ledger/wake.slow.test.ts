import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openWake, wakeFile } from '../../src/ledger/wake.ts';
import { scratchFolder } from '../git/scratch-repository.ts';

// No test here ever ends by time passing: so long a wait would be noticed.
const forEver = 1 << 30;

test('where nothing is on this machine, time passes, or somebody tells', async () => {
  const wake = openWake({ path: null });
  await wake.wait(1);
  wake.notify();
  await wake.wait(forEver);
  const waiting = wake.wait(forEver);
  wake.notify();
  await waiting;
  wake.close();
});

test('who has learnt what he wanted to know waits no more; signs are told from that, and none is lost', async () => {
  const wake = openWake({ path: null });
  const learnt = new AbortController();
  const waiting = wake.wait(forEver, learnt.signal);
  learnt.abort();
  assert.is(await waiting, false);
  assert.is(await wake.wait(forEver, learnt.signal), false);
  wake.notify();
  assert.is(await wake.wait(forEver, learnt.signal), true);
  const other = wake.wait(forEver, new AbortController().signal);
  wake.notify();
  assert.is(await other, true);
  wake.close();
});

test("the hook's touch wakes, at once if it came before the wait", async () => {
  const path = scratchFolder();
  const wake = openWake({ path });
  const waiting = wake.wait(forEver);
  writeFileSync(wakeFile(path), '1');
  await waiting;
  writeFileSync(wakeFile(path), '2');
  await wake.wait(forEver);
  wake.close();
});

test('of touches that come close together none is missed that came after the one before had been seen', async () => {
  const path = scratchFolder();
  const wake = openWake({ path });
  for (let count = 0; count < 50; count += 1) {
    const waiting = wake.wait(forEver);
    const next = `${wakeFile(path)}.${count}`;
    // As the hook does it.
    writeFileSync(next, '');
    renameSync(next, wakeFile(path));
    await waiting;
  }
  wake.close();
});

test('where another folder has come in the place of the watched one, that is watched from the next look on', async () => {
  const path = scratchFolder();
  const folder = dirname(wakeFile(path));
  mkdirSync(folder);
  const wake = openWake({ path });
  rmSync(folder, { recursive: true });
  await wake.wait(1);
  mkdirSync(folder);
  await wake.wait(1);
  const waiting = wake.wait(forEver);
  writeFileSync(wakeFile(path), '');
  assert.is(await waiting, true);
  wake.close();
});

test('closing ends a wait', async () => {
  const path = scratchFolder();
  mkdirSync(dirname(wakeFile(path)));
  writeFileSync(join(path, 'dstack', 'other'), '');
  const wake = openWake({ path });
  const waiting = wake.wait(forEver);
  wake.close();
  await waiting;
  // Whoever waits still, for a time, keeps nothing open after that.
  await wake.wait(1);
  const watches = process.getActiveResourcesInfo().filter((name) => name.startsWith('FSEvent'));
  assert.equal(watches, []);
});

test('a repository that is away at the moment finds its place empty when it comes back', async () => {
  const path = join(scratchFolder(), 'shared.git');
  const wake = openWake({ path });
  assert.not.ok(existsSync(path));
  wake.close();
});

test.run();
