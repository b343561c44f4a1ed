import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openObjectReader } from '../../src/git/object-reader.ts';
import { initBareRepository } from '../../src/git/repository.ts';
import { findStaleLocks, gitProcessesIn, removeStaleLocks } from '../../src/git/stale-locks.ts';
import { openLockComplaints } from '../../src/runner/lock-complaints.ts';
import { openOwnRepositories } from '../../src/runner/own-repositories.ts';
import { until, withProject } from '../e2e/project.ts';
import { scratchFolder } from '../git/scratch-repository.ts';
import { loggedTo } from './logged-to.ts';

/** A lock file as a Git that was killed long ago has left it. */
function leaveLock(file: string): string {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, '');
  utimesSync(file, 0, 0);
  return file;
}

/** A Git that works in a repository, and waits for its input. */
function gitAtWork(cwd: string) {
  const child = spawn('git', ['hash-object', '-w', '--stdin'], { cwd, stdio: ['pipe', 'ignore', 'ignore'] });
  return {
    pid: child.pid as number,
    async end() {
      const ended = once(child, 'close');
      child.stdin.end();
      await ended;
    },
  };
}

test('old locks are found wherever Git puts them, young ones are left alone', async () => {
  const repository = await initBareRepository(path.join(scratchFolder(), 'shared.git'));
  const at = (name: string) => path.join(repository.gitDir, name);
  const names = [
    'HEAD.lock',
    'dstack/scratch.git/refs/heads/x.lock',
    'objects/info/commit-graphs/commit-graph-chain.lock',
    'packed-refs.lock',
    'refs/dstack/claims/x/y.lock',
    'shallow.lock',
  ];
  for (const name of names) leaveLock(at(name));
  writeFileSync(at('config.lock'), '');
  assert.equal(await findStaleLocks(repository), names.map(at));
  await removeStaleLocks(await findStaleLocks(repository));
  assert.equal(await findStaleLocks(repository), []);
  assert.ok(existsSync(at('config.lock')));
});

test('whoever may hold a lock is known by where he works; one who only reads is none', async () => {
  const repository = await initBareRepository(path.join(scratchFolder(), 'shared.git'));
  const other = await initBareRepository(path.join(scratchFolder(), 'other.git'));
  const reader = openObjectReader(repository.gitDir);
  await reader.read('HEAD');
  const elsewhere = gitAtWork(other.gitDir);
  assert.equal(await gitProcessesIn(repository), []);
  const writer = gitAtWork(path.join(repository.gitDir, 'objects'));
  await until('it to be seen', async () => (await gitProcessesIn(repository)).includes(writer.pid));
  await Promise.all([writer.end(), elsewhere.end()]);
  reader.close();
  assert.equal(await gitProcessesIn(repository), []);
});

test('a lock in the way of pushes is told once, by name: at once if it is seen to be old, otherwise after a minute', async () => {
  const { said, log } = loggedTo();
  let now = 0;
  const complain = openLockComplaints(log, { monotonic: () => now });
  const old = leaveLock(path.join(scratchFolder(), 'packed-refs.lock'));
  const words = (file: string) => `cannot lock ref 'refs/x': Unable to create '${file}': File exists.`;
  await complain('something else');
  await complain(words('/far/away/./refs/x.lock'));
  assert.equal(said, []);
  await complain(words(old));
  await complain(words(old));
  now = 61;
  await complain(words('/far/away/./refs/x.lock'));
  await complain(words('/far/away/./refs/x.lock'));
  assert.equal(
    said.map((line) => JSON.parse(line).lock),
    [old, '/far/away/refs/x.lock'],
  );
});

test('a runner that starts removes the locks that its former process has left in its own repositories', async () => {
  const folder = scratchFolder();
  const folders = { cache: path.join(folder, 'snapshots.git'), ledger: path.join(folder, 'ledger.git') };
  const quiet = pino({ level: 'silent' });
  await openOwnRepositories(folders, 'sha1', quiet);
  const locks = [
    path.join(folders.cache, 'shallow.lock'),
    path.join(folders.cache, 'index.lock'),
    path.join(folders.cache, 'refs/snapshots/one/1.lock'),
    path.join(folders.ledger, 'packed-refs.lock'),
    path.join(folders.ledger, 'dstack/scratch.git/refs/heads/x.lock'),
  ];
  for (const lock of locks) {
    mkdirSync(path.dirname(lock), { recursive: true });
    // However young: the runner's own lock says that it is nobody's.
    writeFileSync(lock, '');
  }
  const { said, log } = loggedTo();
  await openOwnRepositories(folders, 'sha1', log);
  assert.equal(locks.filter(existsSync), []);
  assert.is(said.length, 2);
  for (const line of said) assert.match(line, /\.lock/);
});

test('a Git that outlived its runner is waited for', async () => {
  const folder = scratchFolder();
  const folders = { cache: path.join(folder, 'snapshots.git'), ledger: path.join(folder, 'ledger.git') };
  const { said, log } = loggedTo();
  await openOwnRepositories(folders, 'sha1', log);
  const lock = path.join(folders.cache, 'shallow.lock');
  writeFileSync(lock, '');
  const left = gitAtWork(folders.cache);
  const opening = openOwnRepositories(folders, 'sha1', log);
  await until('it to be seen', async () => (await gitProcessesIn({ commonDir: folders.cache })).length === 1);
  assert.ok(existsSync(lock));
  await left.end();
  await opening;
  assert.not(existsSync(lock));
  assert.match(said.join(''), 'removed lock files');
});

const workflows = `
workflows:
  - {name: blocked, commands: [echo at last]}
  - {name: free, commands: [echo fine]}
`;

test(
  'stale locks in the shared repository: named by the runner and by its check, in the way of nothing else',
  withProject(workflows, async (project) => {
    const blocked = await project.submit(['blocked']);
    const lock = leaveLock(path.join(project.shared, `refs/dstack/claims/${blocked}/blocked.lock`));
    const runner = project.startRunner('one', ['--poll', '200ms']);
    await until('the complaint', () => runner.output().includes(lock));
    const free = await project.submit(['free']);
    assert.is((await project.record(free, 'free')).state, 'done');

    const check = async (...args: string[]) => {
      const { stdout } = await project.dstack(['runner', 'check', ...args]);
      return stdout;
    };
    assert.match(await check(), `left by a killed Git: ${lock}`);
    assert.match(await check('--fix'), `removed: ${lock}`);
    assert.is((await project.record(blocked, 'blocked')).state, 'done');

    // This one blocks every deletion, and with it whatever comes to its end.
    const all = leaveLock(path.join(project.shared, 'packed-refs.lock'));
    const last = await project.submit(['free', '--no-cache']);
    await until('the complaint', () => runner.output().includes(all));
    await until('the removal', async () => (await check('--fix')).includes(`removed: ${all}`));
    assert.is((await project.record(last, 'free')).state, 'done');
    await until('the end of the claim', async () => (await project.refs('claims')).length === 0);
    assert.equal(await project.refs('queue'), []);
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
  }),
);

test(
  'runner check pushes: a repository that takes no pushes is not fine, and nothing is left in one that does',
  withProject(workflows, async (project) => {
    const before = await project.git(['for-each-ref']);
    const fine = await project.dstack(['runner', 'check']);
    assert.match(fine.stdout, /^ok +push +a ref can be pushed, and deleted again$/m);
    assert.is(await project.git(['for-each-ref']), before);
    const hook = path.join(project.shared, 'hooks/pre-receive');
    mkdirSync(path.dirname(hook), { recursive: true });
    writeFileSync(hook, '#!/bin/sh\necho no pushes on Friday; exit 1\n', { mode: 0o755 });
    const refused = await project.dstack(['runner', 'check']);
    assert.is(refused.exitCode, 1);
    assert.match(refused.stdout, /^NO +push .*no pushes on Friday/m);
    rmSync(hook);
  }),
);

test.run();
