import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { initBareRepository } from '../../src/git/repository.ts';
import { findStaleLocks, gitProcessesIn, removeStaleLocks, staleAfter } from '../../src/git/stale-locks.ts';

test('a lock is told as stale though Git is at work there, if that began after it', async () => {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'locks-')));
  const repository = await initBareRepository(path.join(root, 'shared.git'), { objectFormat: 'sha1' });
  const lock = path.join(repository.commonDir, 'packed-refs.lock');
  writeFileSync(lock, '');
  assert.equal(await findStaleLocks(repository), []);
  const longAgo = Date.now() / 1000 - 2 * staleAfter;
  utimesSync(lock, longAgo, longAgo);

  // It waits for what is to be pushed.
  const pushing = spawn('git', ['receive-pack', repository.commonDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => pushing.once('close', resolve));
  try {
    await new Promise((resolve) => pushing.stdout.once('data', resolve));
    assert.ok((await gitProcessesIn(repository)).includes(pushing.pid as number));
    assert.equal(await gitProcessesIn(repository, Date.now() - staleAfter * 1000), []);
    assert.ok((await gitProcessesIn(repository, Date.now() + 1_000)).includes(pushing.pid as number));
    const stale = await findStaleLocks(repository);
    assert.equal(stale, [lock]);
    await removeStaleLocks(stale);
    assert.not.ok(existsSync(lock));
  } finally {
    pushing.kill('SIGKILL');
    await ended;
    rmSync(root, { recursive: true, force: true });
  }
});

test.run();
