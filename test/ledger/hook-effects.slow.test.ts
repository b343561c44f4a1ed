import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ownHook } from '../../src/ledger/hook-effects.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openWake } from '../../src/ledger/wake.ts';
import { until } from '../hooks/shared-repository.ts';
import { participant, type Shared, scratchShared } from './support.ts';

const source = fileURLToPath(new URL('../../hooks/post-receive', import.meta.url));

function installHook(shared: Shared): string {
  const hook = join(shared.path, 'hooks/post-receive');
  mkdirSync(join(shared.path, 'hooks'), { recursive: true });
  copyFileSync(source, hook);
  chmodSync(hook, 0o755);
  return hook;
}

async function create(ledger: Ledger, ref: string): Promise<void> {
  const author = { ...ledger.who, time: 0 };
  const [to = ''] = await ledger.shared.write([{ parents: [], files: [], message: ref, author }]);
  assert.ok((await ledger.shared.push([{ ref, from: null, to }])).ok);
}

const inside = (shared: Shared, name: string) => join(shared.path, 'dstack', name);
/** Which file it is, and as of when. */
const wake = (shared: Shared) => {
  const stats = statSync(inside(shared, 'wake'), { throwIfNoEntry: false });
  return stats ? `${stats.ino} ${stats.mtimeMs}` : null;
};

test('the hook whose effect is known is the one that is installed', () => {
  assert.is(createHash('sha256').update(readFileSync(source)).digest('hex'), ownHook);
});

test('without a push whoever watches is woken as by the hook, and as openly', async () => {
  const shared = await scratchShared();
  installHook(shared);
  shared.git('config', 'core.sharedRepository', 'group');
  const ledger = await participant(shared.path);
  await create(ledger, 'refs/dstack/runners/one');
  assert.is(wake(shared), null);
  const watcher = openWake({ path: shared.path });
  for (const area of ['queue', 'claims', 'stops', 'jobs']) {
    const before = wake(shared);
    await create(ledger, `refs/dstack/${area}/run-1/train`);
    assert.is.not(wake(shared), before, area);
    assert.ok(await watcher.wait(10_000), area);
  }
  watcher.close();
  assert.is(statSync(inside(shared, 'wake')).mode & 0o660, 0o660);
  shared.git('config', 'dstack.refprefix', 'refs/other');
  const before = wake(shared);
  await create(ledger, 'refs/dstack/queue/run-1/other');
  assert.is(wake(shared), before);
});

test('without a push the history is kept, too: a sync follows, and begins after the change', async () => {
  const shared = await scratchShared();
  installHook(shared);
  const command = join(shared.path, 'fake dstack');
  writeFileSync(command, '#!/bin/sh\ngit for-each-ref --format="%(refname)" > seen\n', { mode: 0o755 });
  shared.git('config', 'dstack.command', command);
  const ledger = await participant(shared.path);
  const seen = () =>
    existsSync(join(shared.path, 'seen')) ? readFileSync(join(shared.path, 'seen'), 'utf8') : '';
  await create(ledger, 'refs/dstack/jobs/run-1/one');
  await until('a sync', () => seen().includes('run-1/one'));
  await create(ledger, 'refs/dstack/jobs/run-1/two');
  await until('another one', () => seen().includes('run-1/two'));
  await until('its end', () => !existsSync(inside(shared, 'sync.lock')));
});

test('any other hook is run by Git', async () => {
  const shared = await scratchShared();
  const hook = installHook(shared);
  const ledger = await participant(shared.path);
  await create(ledger, 'refs/dstack/claims/run-1/before');
  const script = '#!/bin/sh\ncat >> lines\n';
  writeFileSync(`${hook}.before-dstack`, script, { mode: 0o755 });
  await create(ledger, 'refs/dstack/claims/run-1/chained');
  assert.match(readFileSync(join(shared.path, 'lines'), 'utf8'), 'run-1/chained');
  renameSync(`${hook}.before-dstack`, hook);
  await create(ledger, 'refs/dstack/claims/run-1/alone');
  assert.match(readFileSync(join(shared.path, 'lines'), 'utf8'), 'run-1/alone');
});

test.run();
