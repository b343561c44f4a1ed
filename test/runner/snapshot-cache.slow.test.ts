import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { initBareRepository } from '../../src/git/repository.ts';
import { inOrder } from '../../src/ledger/in-order.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openSnapshots } from '../../src/runner/snapshot-cache.ts';
import { scratchFolder } from '../git/scratch-repository.ts';
import {
  claimant,
  elsewhere,
  jobSpec,
  participant,
  queued,
  scratchLedger,
  submit,
} from '../ledger/support.ts';

/** A submitted run with two jobs, and a runner's place. */
async function place() {
  const { shared, ledger: submitter } = await scratchLedger();
  const work = {
    ledger: await participant(shared.path, 'runner'),
    cache: await initBareRepository(join(scratchFolder(), 'snapshots.git')),
    claimant: claimant(),
    oneAtATime: inOrder(),
    log: pino({ level: 'silent' }),
    folder: join(scratchFolder(), 'work'),
  };
  return { submitter, work };
}

/** The Git commands that are run meanwhile. */
async function gitCommands(act: () => Promise<void>): Promise<string[]> {
  const trace = join(scratchFolder(), 'trace');
  process.env.GIT_TRACE2_EVENT = trace;
  try {
    await act();
  } finally {
    delete process.env.GIT_TRACE2_EVENT;
  }
  const lines = execFileSync('touch', [trace]) && readFileSync(trace, 'utf8').split('\n').filter(Boolean);
  return lines
    .map((line) => JSON.parse(line) as { event: string; name?: string })
    .flatMap(({ event, name }) => (event === 'cmd_name' ? [name as string] : []));
}

/** A tree of so many files, written by Git itself. */
function treeOf(submitter: Ledger, files: number): string {
  const git = (args: string[], input: string) =>
    execFileSync('git', args, { cwd: submitter.shared.local.gitDir, encoding: 'utf8', input }).trimEnd();
  const blob = git(['hash-object', '-w', '--stdin'], 'words\n');
  return git(
    ['mktree'],
    Array.from({ length: files }, (_, i) => `100644 blob ${blob}\tfile-${i}\n`).join(''),
  );
}

/** The Git commands of the second and the third job of a run with so many files. */
async function furtherJobs(files: number): Promise<string[]> {
  const { submitter, work } = await place();
  const jobs = [jobSpec('prepare'), jobSpec('train'), jobSpec('report')];
  await submit(submitter, 'run-1', jobs, { tree: treeOf(submitter, files) });
  const snapshots = openSnapshots(work);
  const [first, ...others] = await Promise.all(
    ['prepare', 'train', 'report'].map((job) => queued(submitter, 'run-1', job)),
  );
  assert.ok(first);
  await snapshots.fetch(first);
  await snapshots.checkOut(first, join(scratchFolder(), 'workflow'));
  return gitCommands(async () => {
    for (const entry of others) {
      const into = join(scratchFolder(), 'workflow');
      await snapshots.fetch(entry);
      await snapshots.checkOut(entry, into);
      assert.is(readdirSync(into).length, files);
    }
  });
}

test('further jobs of a run cost one Git process each, and nothing of the shared repository', async () => {
  assert.equal(await furtherJobs(250), ['checkout-index', 'checkout-index']);
});

test('further jobs of a run with few files cost no process at all', async () => {
  assert.equal(await furtherJobs(3), []);
});

test('a job gets the files of the snapshot, not those that another has changed or was given', async () => {
  const { submitter, work } = await place();
  const jobs = [
    jobSpec('prepare'),
    jobSpec('train'),
    jobSpec('report', { files: { include: ['file-0'], exclude: [], strict: true } }),
  ];
  await submit(submitter, 'run-1', jobs, { tree: treeOf(submitter, 2) });
  const snapshots = openSnapshots(work);
  const checkedOut = async (job: string) => {
    const entry = await queued(submitter, 'run-1', job);
    const into = join(scratchFolder(), 'workflow');
    await snapshots.fetch(entry);
    await snapshots.checkOut(entry, into);
    return into;
  };
  const first = await checkedOut('prepare');
  writeFileSync(join(first, 'file-0'), 'other words\n');
  rmSync(join(first, 'file-1'));
  const second = await checkedOut('train');
  assert.equal(readdirSync(second).sort(), ['file-0', 'file-1']);
  assert.is(readFileSync(join(second, 'file-0'), 'utf8'), 'words\n');
  assert.equal(readdirSync(await checkedOut('report')), ['file-0']);
});

test('a job that the run commit does not list is refused, though others of its run are here', async () => {
  const { submitter, work } = await place();
  await submit(submitter, 'run-1');
  const entry = await queued(submitter, 'run-1');
  const snapshots = openSnapshots(work);
  await snapshots.fetch(entry);
  const forged = [
    { ...entry, blob: entry.runCommit },
    { ...entry, id: { run: 'run-1', job: 'other' } },
    { ...entry, id: { run: 'run-2', job: 'train' } },
  ];
  for (const one of forged) {
    const error = await snapshots.fetch(one).catch(({ code }) => code);
    assert.is(error, 'untrusted-job');
  }
});

test('of a repository on this machine nothing is fetched, and a small tree that was there in an earlier run is there', async () => {
  const { submitter, work } = await place();
  const tree = treeOf(submitter, 3);
  await submit(submitter, 'run-1', [jobSpec('train')], { tree });
  await submit(submitter, 'run-2', [jobSpec('train')], { tree });
  const snapshots = openSnapshots(work);
  const commandsOf = async (run: string) => {
    const entry = await queued(submitter, run);
    const into = join(scratchFolder(), 'workflow');
    const commands = await gitCommands(async () => {
      await snapshots.fetch(entry);
      await snapshots.checkOut(entry, into);
    });
    assert.is(readdirSync(into).length, 3);
    return commands.filter((name) => name !== 'cat-file');
  };
  assert.equal(await commandsOf('run-1'), ['read-tree', 'checkout-index']);
  assert.equal(await commandsOf('run-2'), []);
});

test('a repository on this machine that goes away before its files are written is named so; they are written once it is back', async () => {
  const { submitter, work } = await place();
  await submit(submitter, 'run-1', [jobSpec('train')], { tree: treeOf(submitter, 3) });
  const entry = await queued(submitter, 'run-1');
  const snapshots = openSnapshots(work);
  await snapshots.fetch(entry);
  const { location } = work.ledger.shared;
  const into = join(scratchFolder(), 'workflow');
  renameSync(location, `${location}.away`);
  assert.is(await snapshots.checkOut(entry, into).catch(({ code }) => code), 'unreachable');
  renameSync(`${location}.away`, location);
  await snapshots.checkOut(entry, into);
  assert.is(readdirSync(into).length, 3);
});

test('a run that is used again and again stays here while others come and go', async () => {
  const { submitter, work } = await place();
  await submit(submitter, 'run-0');
  const steady = await queued(submitter, 'run-0');
  const snapshots = openSnapshots({ ...work, ledger: elsewhere(work.ledger) });
  await snapshots.fetch(steady);
  for (let run = 1; run <= 22; run += 1) {
    // Each is another commit.
    await submit(submitter, `run-${run}`);
    await snapshots.fetch(await queued(submitter, `run-${run}`));
    await snapshots.fetch(steady);
  }
  const refs = execFileSync('git', ['for-each-ref', '--format=%(objectname)', 'refs/snapshots'], {
    cwd: work.cache.gitDir,
    encoding: 'utf8',
  });
  const kept = refs.trim().split('\n');
  assert.is(kept.length, 20);
  assert.ok(kept.includes(steady.runCommit));
});

test.run();
