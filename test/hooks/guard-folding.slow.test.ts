// Folding finished runs into the archive, where a guard judges every step of it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fold } from '../../src/ledger/archive/fold.ts';
import { readCache } from '../../src/ledger/cache-entries.ts';
import { prepareRun } from '../../src/ledger/prepare-run.ts';
import { openStateReader } from '../../src/ledger/read-state.ts';
import { submitRun } from '../../src/ledger/submit.ts';
import { setTag } from '../../src/ledger/tags.ts';
import { finishedRun, key } from '../ledger/archive/finished-run.ts';
import { jobSpec, participant, runRequest, scratchShared } from '../ledger/support.ts';
import { executable, installGuard } from './guarded-repository.ts';

const all = { most: 0, rest: 0 };

test('a guard lets runs be folded, again and again, and found and tagged afterwards', async () => {
  const shared = await scratchShared();
  const ledger = await participant(shared.path);
  await finishedRun(ledger, 'run-1', ['prepare', 'train']);
  await finishedRun(ledger, 'run-2');
  await finishedRun(ledger, 'run-3');
  const before = await openStateReader(ledger).readAll();
  installGuard(shared);
  assert.is(await fold(ledger, { most: 0, rest: 8 }), 1);
  assert.not(shared.refs().has('refs/dstack/runs/run-1'));
  assert.is(await fold(ledger, all), 2);
  assert.is(shared.refs().size, 2);
  assert.equal(await openStateReader(ledger).readAll(), before);
  assert.is((await readCache(ledger, [key('run-1')])).get(key('run-1'))?.id.run, 'run-1');

  const again = await prepareRun(ledger, runRequest(ledger, 'run-1', [jobSpec('other')]));
  assert.is(await submitRun(ledger, again), 'taken');
  const [newest] = before.runs;
  await setTag(ledger, 'best', newest?.commit as string);
  assert.is(shared.refs().get('refs/dstack/tags/best'), newest?.commit);
});

test('the sync of the hook folds there, unless its account is no runner', async () => {
  const shared = await scratchShared();
  const ledger = await participant(shared.path);
  const jobs = Array.from({ length: 101 }, (_, index) => `job-${index}`);
  for (const run of ['run-1', 'run-2']) await finishedRun(ledger, run, jobs);
  const wide = shared.refs().size;
  assert.ok(wide > 400);
  const guard = path.join(shared.path, 'hooks/pre-receive');
  mkdirSync(path.dirname(guard), { recursive: true });
  writeFileSync(guard, '#!/bin/sh\ncat >>pushed\n', { mode: 0o755 });
  const config = (...args: string[]) => execFileSync('git', ['-C', shared.path, 'config', ...args]);
  const syncBare = () =>
    execFileSync(process.execPath, [executable, 'sync', '--bare'], { cwd: shared.path, stdio: 'pipe' });
  const archive = () => [...shared.refs().keys()].filter((ref) => ref.startsWith('refs/dstack/archive/'));

  config('dstack.guard.runner', 'gpu-*');
  syncBare();
  assert.equal(archive(), []);
  assert.not.match(readFileSync(path.join(shared.path, 'pushed'), 'utf8'), '/archive/');
  rmSync(guard);
  installGuard(shared);
  config('--unset', 'dstack.guard.runner');
  syncBare();
  assert.is(archive().length, 2);
  assert.not(shared.refs().has('refs/dstack/runs/run-1'));
});

test.run();
