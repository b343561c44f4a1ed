import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { initBareRepository } from '../../src/git/repository.ts';
import { writeCommits } from '../../src/git/write-commits.ts';
import { inOrder } from '../../src/ledger/in-order.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { ownLedger } from '../../src/runner/own-ledger.ts';
import { openOwnRepositories } from '../../src/runner/own-repositories.ts';
import { openSnapshots } from '../../src/runner/snapshot-cache.ts';
import { linesOf, until, withProject } from '../e2e/project.ts';
import { readTree, scratchFolder, scratchProject } from '../git/scratch-repository.ts';
import { serve } from '../ledger/git-daemon.ts';
import {
  chunk,
  claim,
  claimant,
  elsewhere,
  finish,
  jobSpec,
  participant,
  queued,
  scratchLedger,
  submit,
} from '../ledger/support.ts';
import { damagedObjects, damagedRepository, emptyRefs } from './damage.ts';
import { loggedTo } from './logged-to.ts';

// Each daemon and repository of a test has one.
process.setMaxListeners(200);

/** A shared repository with two runs of a project, of which a runner has the first one's snapshot in its cache. */
async function runnerWithSnapshot() {
  const { shared, ledger: submitter } = await scratchLedger();
  const project = scratchProject();
  const submitFiles = async (run: string) => {
    project.git('add', '--all');
    project.git('commit', '--quiet', '--allow-empty', `--message=${run}`);
    const tree = project.git('rev-parse', 'HEAD^{tree}');
    const { gitDir } = submitter.shared.local;
    execFileSync('git', ['fetch', '--quiet', project.path, 'HEAD'], { cwd: gitDir });
    await submit(submitter, run, [jobSpec('train')], { tree });
    return queued(submitter, run);
  };
  const first = await submitFiles('run-1');
  project.write('train.py', 'print("changed")\n');
  const second = await submitFiles('run-2');
  const { said, log } = loggedTo();
  const work = {
    ledger: elsewhere(await participant(shared.path, 'runner')),
    cache: await initBareRepository(path.join(scratchFolder(), 'snapshots.git')),
    claimant: claimant(),
    oneAtATime: inOrder(),
    log,
    folder: path.join(scratchFolder(), 'work'),
  };
  const snapshots = openSnapshots(work);
  await snapshots.fetch(first);
  return { work, snapshots, first, second, said, files: readTree(project.path) };
}

for (const [what, damage] of Object.entries({ ...damagedObjects, ...damagedRepository })) {
  test(`a runner's object cache, ${what}: the next snapshot is whole`, async () => {
    const { work, snapshots, second, said, files } = await runnerWithSnapshot();
    damage(work.cache.gitDir);
    const into = path.join(scratchFolder(), 'workflow');
    await snapshots.fetch(second);
    await snapshots.checkOut(second, into);
    assert.equal(readTree(into), files);
    for (const line of said) assert.match(line, /damaged and is begun anew/);
  });
}

for (const [what, damage] of Object.entries(damagedObjects)) {
  test(`a runner's object cache, ${what} between fetch and check-out: begun anew, and said`, async () => {
    const { work, snapshots, second, said, files } = await runnerWithSnapshot();
    await snapshots.fetch(second);
    damage(work.cache.gitDir);
    const into = path.join(scratchFolder(), 'workflow');
    await snapshots.checkOut(second, into);
    assert.equal(readTree(into), files);
    assert.is(said.length, 1);
    assert.match(said[0] as string, work.cache.gitDir);
  });

  test(`a runner's object cache, ${what} between two jobs of a run: the second one's files are whole`, async () => {
    const { work, snapshots, second, files } = await runnerWithSnapshot();
    await snapshots.fetch(second);
    await snapshots.checkOut(second, path.join(scratchFolder(), 'first'));
    damage(work.cache.gitDir);
    await snapshots.fetch(second);
    const into = path.join(scratchFolder(), 'workflow');
    await snapshots.checkOut(second, into);
    assert.equal(readTree(into), files);
  });
}

test('the index from which jobs of a run are checked out is gone: the next one has all its files nevertheless', async () => {
  const { work, snapshots, second, files } = await runnerWithSnapshot();
  await snapshots.fetch(second);
  await snapshots.checkOut(second, path.join(scratchFolder(), 'first'));
  assert.ok(readdirSync(work.folder).length > 0);
  rmSync(work.folder, { recursive: true });
  const into = path.join(scratchFolder(), 'workflow');
  await snapshots.checkOut(second, into);
  assert.equal(readTree(into), files);
});

for (const [what, damage] of Object.entries(damagedRepository)) {
  test(`a runner that starts with its repositories damaged, ${what}: they work, and nothing else is left`, async () => {
    const { work, second, files } = await runnerWithSnapshot();
    const folder = path.dirname(work.cache.gitDir);
    const ledgerFolder = path.join(folder, 'ledger.git');
    await initBareRepository(ledgerFolder);
    damage(work.cache.gitDir);
    damage(ledgerFolder);
    const { log } = loggedTo();
    const opened = await openOwnRepositories({ cache: work.cache.gitDir, ledger: ledgerFolder }, 'sha1', log);
    const snapshots = openSnapshots({ ...work, cache: opened.cache });
    await snapshots.fetch(second);
    const into = path.join(scratchFolder(), 'workflow');
    await snapshots.checkOut(second, into);
    assert.equal(readTree(into), files);
    assert.equal(readdirSync(folder).sort(), ['ledger.git', 'snapshots.git']);
    execFileSync('git', ['fsck', '--full'], { cwd: opened.own.gitDir, stdio: 'ignore' });
  });
}

test('another object format than that of the shared repository: begun anew', async () => {
  const folder = scratchFolder();
  const folders = { cache: path.join(folder, 'snapshots.git'), ledger: path.join(folder, 'ledger.git') };
  const { said, log } = loggedTo();
  await openOwnRepositories(folders, 'sha1', log);
  const { cache, own } = await openOwnRepositories(folders, 'sha256', log);
  assert.equal([cache.objectFormat, own.objectFormat], ['sha256', 'sha256']);
  assert.is(said.length, 2);
});

/** A claim in progress, by a runner that tends its own repository; over a path, or over a daemon. */
async function claimInProgress(remote: 'path' | 'daemon') {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const server = remote === 'daemon' ? await serve(shared.path) : null;
  if (server) shared.git('config', 'daemon.receivepack', 'true');
  // Without a hook that has a say, nothing would be written anywhere but there.
  else shared.hook('pre-receive', 'cat >/dev/null');
  const local = await initBareRepository(path.join(scratchFolder(), 'ledger.git'));
  const { said, log } = loggedTo();
  const opened = await openLedger({ local, remote: server?.url ?? shared.path });
  const own = ownLedger(opened, log);
  const holder = await claim(own, await queued(own, 'run-1'));
  assert.is(await holder.renew({ state: 'running', chunks: [chunk('one\n')] }), 'won');
  const close = async () => {
    own.close();
    await server?.stop();
  };
  return { shared, local, holder, said, close };
}

for (const remote of ['path', 'daemon'] as const) {
  const kinds = Object.entries({ ...damagedObjects, 'HEAD empty': damagedRepository['HEAD empty'] });
  for (const [what, damage] of kinds) {
    // Without refs there is nothing to pack.
    if (remote === 'path' && what.includes('pack')) continue;
    test(`what a runner writes to, ${what}, by ${remote}: its claim is renewed and finished`, async () => {
      const { shared, local, holder, close } = await claimInProgress(remote);
      try {
        damage?.(local.gitDir);
        // It may take a failure to be noticed.
        const tries = [
          await holder.renew({ chunks: [chunk('two\n')] }),
          await holder.renew(),
          await holder.renew(),
        ];
        assert.is(tries.at(-1), 'won', String(tries));
        await finish(holder);
        const log = shared.git('ls-tree', '-r', '--name-only', 'refs/dstack/claims/run-1/train', 'log');
        assert.is(log.split('\n').length, 2);
        shared.git('fsck', '--full', '--strict');
      } finally {
        await close();
      }
    });
  }
}

test('the scratch repository in the Git folder is damaged: it is made anew', async () => {
  const repository = await initBareRepository(path.join(scratchFolder(), 'own.git'));
  const author = { name: 'Ada', email: 'ada@example.org', time: 1_764_021_600_000 };
  // So many become a pack, which takes a repository beside this one.
  const commits = (word: string) =>
    Array.from({ length: 100 }, (_, index) => ({
      parents: [],
      files: [],
      message: `${word} ${index}`,
      author,
    }));
  await writeCommits(repository, commits('one'));
  writeFileSync(path.join(repository.gitDir, 'dstack/scratch.git/HEAD'), '');
  const ids = await writeCommits(repository, commits('two'));
  for (const id of ids) execFileSync('git', ['cat-file', '-e', id], { cwd: repository.gitDir });
});

test('the mirror of a shared repository elsewhere has broken refs: it is fetched anew', async () => {
  const { shared, ledger: submitter } = await scratchLedger();
  const server = await serve(shared.path);
  try {
    await submit(submitter, 'run-1');
    const reader = await participant(server.url, 'reader');
    const list = () => reader.shared.list(['refs/dstack/runs', 'refs/dstack/queue']);
    const before = await list();
    const { gitDir } = reader.shared.local;
    emptyRefs(gitDir, 'refs/dstack-remotes');
    assert.equal(await list(), before);
    // One that is gone there, and one that is in the way.
    const [key] = readdirSync(path.join(gitDir, 'refs/dstack-remotes'));
    const mirror = path.join(gitDir, 'refs/dstack-remotes', String(key), 'refs/dstack');
    writeFileSync(path.join(mirror, 'runs/run-0'), '');
    writeFileSync(path.join(mirror, 'queue/run-1/train'), 'garbage\n');
    assert.equal(await list(), before);
    writeFileSync(path.join(mirror, 'runs/run-1'), `${'1'.repeat(40)}\n`);
    assert.equal(await list(), before);
    assert.is((await reader.shared.read(String(before.get('refs/dstack/runs/run-1'))))?.type, 'commit');
  } finally {
    await server.stop();
  }
});

test(
  'a runner whose repositories are damaged while it runs: no job is lost, and it says so',
  withProject(
    (root) => `
workflows:
  - name: wait
    commands: ['echo begun >> ${root}/begun', 'while [ ! -e ${root}/open ]; do sleep 0.05; done', 'cat README.md']
`,
    async (project) => {
      // In a folder it would read and write straight.
      const server = await serve(project.shared);
      const runner = project.startRunner('one', ['--poll', '200ms'], {
        DSTACK_RUNNER_LEASE: '6s',
        DSTACK_REMOTE: server.url,
        DSTACK_STORE: `file:${project.store}`,
      });
      const first = await project.submit(['wait']);
      await until('the job', () => linesOf(path.join(project.root, 'begun')).length === 1);
      const own = path.join(project.root, 'home/cache/dstack');
      const [key] = readdirSync(own).filter((name) => name !== 'code');
      for (const name of ['snapshots.git', 'ledger.git'])
        damagedObjects['loose objects zeroed']?.(path.join(own, String(key), 'one', name));
      writeFileSync(path.join(project.root, 'open'), '');
      const record = await project.record(first, 'wait');
      assert.equal([record.state, record.attempt], ['done', 1], runner.output());
      const second = await project.submit(['wait', '--no-cache']);
      assert.is((await project.record(second, 'wait')).state, 'done');
      assert.is(await project.log(second, 'wait'), 'a project');
      assert.match(runner.output(), /snapshots\.git.*damaged and is begun anew/);
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
      await server.stop();
      await project.git(['fsck', '--strict']);
    },
  ),
);

test.run();
