import assert from 'node:assert';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import { installHookFile, uninstallHookFile } from '../../src/git/hook-file.ts';
import { initBareRepository, type Repository } from '../../src/git/repository.ts';
import { git } from '../../src/git/run-git.ts';
import { findStaleLocks, removeStaleLocks } from '../../src/git/stale-locks.ts';

const test = suite<{ folder: string; repository: Repository }>('hook files and stale locks');

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'hook-file-'));
  context.repository = await initBareRepository(join(context.folder, 'shared.git'));
  writeFileSync(join(context.folder, 'source'), '#!/bin/sh\n# ours\n');
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const hook = (folder: string) => ({
  name: 'post-receive',
  source: join(folder, 'source'),
  mark: '# ours',
  earlier: 'post-receive.earlier',
});

test('installs, renews and removes', async ({ folder, repository }) => {
  const path = join(repository.gitDir, 'hooks/post-receive');
  assert.equal(await installHookFile(repository, hook(folder)), 'installed');
  assert.equal(statSync(path).mode & 0o777, 0o755);
  writeFileSync(join(folder, 'source'), '#!/bin/sh\n# ours\n# newer\n');
  assert.equal(await installHookFile(repository, hook(folder)), 'renewed');
  assert.match(readFileSync(path, 'utf8'), /newer/);
  assert.equal(await uninstallHookFile(repository, hook(folder)), 'removed');
  assert.equal(existsSync(path), false);
  assert.equal(await uninstallHookFile(repository, hook(folder)), 'absent');
});

test('keeps a hook that was there, and puts it back', async ({ folder, repository }) => {
  const path = join(repository.gitDir, 'hooks/post-receive');
  await installHookFile(repository, hook(folder));
  rmSync(path);
  writeFileSync(path, '#!/bin/sh\necho theirs\n');
  chmodSync(path, 0o755);
  assert.equal(await installHookFile(repository, hook(folder)), 'chained');
  assert.equal(await installHookFile(repository, hook(folder)), 'renewed');
  assert.match(readFileSync(join(repository.gitDir, 'hooks/post-receive.earlier'), 'utf8'), /theirs/);
  assert.equal(await uninstallHookFile(repository, hook(folder)), 'restored');
  assert.match(readFileSync(path, 'utf8'), /theirs/);
  assert.equal(await uninstallHookFile(repository, hook(folder)), 'absent', 'theirs stays');
});

test('two hooks in the way are an error that loses neither', async ({ folder, repository }) => {
  await installHookFile(repository, hook(folder));
  const hooks = join(repository.gitDir, 'hooks');
  writeFileSync(join(hooks, 'post-receive'), 'a');
  writeFileSync(join(hooks, 'post-receive.earlier'), 'b');
  await assert.rejects(installHookFile(repository, hook(folder)), /both .* are there/);
  assert.equal(readFileSync(join(hooks, 'post-receive'), 'utf8'), 'a');
});

test('follows core.hooksPath', async ({ folder, repository }) => {
  const elsewhere = join(folder, 'their hooks');
  await git(['config', 'core.hooksPath', elsewhere], { gitDir: repository.gitDir });
  await installHookFile(repository, hook(folder));
  assert.ok(existsSync(join(elsewhere, 'post-receive')));
});

test('finds locks that a killed Git left, and spares fresh ones', async ({ repository }) => {
  const old = (name: string) => {
    const path = join(repository.gitDir, name);
    writeFileSync(path, '');
    utimesSync(path, new Date(Date.now() - 120_000), new Date(Date.now() - 120_000));
    return path;
  };
  const stale = [old('packed-refs.lock'), old('refs/heads/main.lock')];
  writeFileSync(join(repository.gitDir, 'config.lock'), '');
  assert.deepEqual(await findStaleLocks(repository), stale);
  await removeStaleLocks(stale);
  assert.deepEqual(await findStaleLocks(repository), []);
  assert.ok(existsSync(join(repository.gitDir, 'config.lock')));
});

test.run();
