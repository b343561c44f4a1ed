import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openWake, wakeFile } from '../../src/ledger/wake.ts';
import { scratchFolder } from '../git/scratch-repository.ts';

// No test here ever ends by time passing: so long a wait would be noticed.
const forEver = 1 << 30;

test('where nothing is on this machine, time passes, or somebody tells', async () => {
  const wake = await openWake({ path: null });
  await wake.wait(1);
  wake.notify();
  await wake.wait(forEver);
  const waiting = wake.wait(forEver);
  wake.notify();
  await waiting;
  await wake.close();
});

test('who has learnt what he wanted to know waits no more; signs are told from that, and none is lost', async () => {
  const wake = await openWake({ path: null });
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
  await wake.close();
});

test('the hook’s touch wakes, at once if it came before the wait', async () => {
  const path = scratchFolder();
  const wake = await openWake({ path });
  const waiting = wake.wait(forEver);
  writeFileSync(wakeFile(path), '1');
  await waiting;
  writeFileSync(wakeFile(path), '2');
  await wake.wait(forEver);
  await wake.close();
});

test('closing ends a wait', async () => {
  const path = scratchFolder();
  mkdirSync(dirname(wakeFile(path)));
  writeFileSync(join(path, 'dstack', 'other'), '');
  const wake = await openWake({ path });
  const waiting = wake.wait(forEver);
  await wake.close();
  await waiting;
  assert.ok(true);
});

test('a repository that is away at the moment finds its place empty when it comes back', async () => {
  const path = join(scratchFolder(), 'shared.git');
  const wake = await openWake({ path });
  assert.not.ok(existsSync(path));
  await wake.close();
});

test.run();
