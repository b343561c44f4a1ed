import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { discoverRepository, initBareRepository } from '../../src/git/repository.ts';
import { acquireClaim } from '../../src/ledger/claims.ts';
import { decide } from '../../src/ledger/decide.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { openLiveReader } from '../../src/ledger/live.ts';
import { readLog } from '../../src/ledger/log-chunks.ts';
import { openSharedRepository } from '../../src/ledger/open-shared-repository.ts';
import { openStateReader } from '../../src/ledger/read-state.ts';
import { settle } from '../../src/ledger/settle.ts';
import { resolveRemote, withoutPassword } from '../../src/ledger/shared-repository.ts';
import { watchSilence } from '../../src/ledger/silence.ts';
import { scratchFolder, scratchProject } from '../git/scratch-repository.ts';
import { serve } from './git-daemon.ts';
import {
  chunk,
  claim,
  claimant,
  finish,
  jobSpec,
  participant,
  queued,
  scratchLedger,
  scratchShared,
  sharedAt,
  submit,
} from './support.ts';

test('what a remote means', async () => {
  const project = scratchProject();
  project.git('remote', 'add', 'origin', 'ssh://host/repository');
  project.git('remote', 'add', 'near', '../shared.git');
  const resolve = (remote: string) => resolveRemote(remote, project.path);
  assert.equal(await resolve('origin'), { address: 'ssh://host/repository', path: null, named: true });
  const near = join(project.path, '../shared.git');
  assert.equal(await resolve('near'), { address: near, path: near, named: true });
  assert.is((await resolve('/a/b')).path, '/a/b');
  assert.is((await resolve('b')).path, join(project.path, 'b'));
  assert.is((await resolve('file:///a/b%20c')).path, '/a/b c');
  assert.is((await resolve('host:path')).path, null);
  assert.is((await resolve('https://host/x')).path, null);
  assert.is((await resolve('./host:path')).path, join(project.path, 'host:path'));
});

test('on this machine it takes no process to see that a new object has no such path', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const { commit } = await queued(ledger, 'run-1');
  const reader = await participant(shared.path, 'reader');
  const trace = join(scratchFolder(), 'trace');
  process.env.GIT_TRACE2_EVENT = trace;
  try {
    assert.is((await reader.shared.read(`${commit}:job.json`))?.type, 'blob');
    assert.is(await reader.shared.read(`${commit}:record.json`), null);
    assert.not(existsSync(trace));
    assert.is(await reader.shared.read(`${'1'.repeat(40)}:record.json`), null);
    assert.ok(existsSync(trace));
  } finally {
    delete process.env.GIT_TRACE2_EVENT;
    reader.close();
  }
});

test('on this machine a run is submitted without a push, unless what is pushed there is to be checked', async () => {
  const project = scratchProject();
  const shared = await scratchShared();
  const ledger = await openLedger({
    local: await discoverRepository(project.path),
    remote: shared.path,
    who: () => ({ name: 'Ada', email: 'ada@example.org' }),
  });
  const parent = project.git('rev-parse', 'HEAD');
  const tree = project.git('rev-parse', 'HEAD^{tree}');
  const trace = join(scratchFolder(), 'trace');
  const pushes = async (run: string): Promise<boolean> => {
    process.env.GIT_TRACE2_EVENT = trace;
    try {
      await submit(ledger, run, [jobSpec('train')], { tree, parent });
    } finally {
      delete process.env.GIT_TRACE2_EVENT;
    }
    assert.is(shared.git('rev-parse', `refs/dstack/runs/${run}^{tree}`), tree);
    shared.git('fsck', '--strict', '--no-progress', '--no-dangling');
    const hasPushed = /"name":"receive-pack"/.test(readFileSync(trace, 'utf8'));
    rmSync(trace);
    return hasPushed;
  };
  assert.is(await pushes('run-1'), false);
  assert.is(await pushes('run-2'), false);
  shared.git('config', 'transfer.fsckObjects', 'true');
  assert.is(await pushes('run-3'), true);
  ledger.close();
});

test("on this machine what a ref there points at lacks isn't looked for in one's own repository", async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const reader = await participant(shared.path, 'reader');
  const { commit } = await queued(reader, 'run-1');
  shared.git('repack', '-adq');
  const trace = join(scratchFolder(), 'trace');
  process.env.GIT_TRACE2_EVENT = trace;
  const started = () => readFileSync(trace, 'utf8').match(/"event":"start".*cat-file/g)?.length;
  try {
    assert.is(await reader.shared.read(`${commit}:record.json`), null);
    assert.is(started(), 1);
    // Of any other it is not known.
    assert.is(await reader.shared.read(`${'1'.repeat(40)}:record.json`), null);
    assert.is(started(), 2);
  } finally {
    delete process.env.GIT_TRACE2_EVENT;
  }
});

test('a password or token in a URL is never shown', async () => {
  assert.is(withoutPassword('https://bob:s3cret@host/x.git'), 'https://***@host/x.git');
  assert.is(withoutPassword('https://t0ken@host/x@y'), 'https://***@host/x@y');
  assert.is(withoutPassword('ssh://git:s3c@ret@host:22/x'), 'ssh://git:***@host:22/x');
  for (const address of ['ssh://git@host:22/x', 'git@host:x', 'https://host/a@b', '/a:b@c'])
    assert.is(withoutPassword(address), address);
  const shared = await openSharedRepository(
    await initBareRepository(scratchFolder()),
    'https://bob:s3cret@127.0.0.1:1/x.git',
  );
  assert.is(shared.location, 'https://***@127.0.0.1:1/x.git');
  try {
    await shared.list(['refs/dstack']);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /127\.0\.0\.1/);
    assert.not.match((error as Error).message, /s3cret/);
  }
  shared.close();
});

test('a folder of the other kind of objects, no folder, and an option are refused', async () => {
  const local = await initBareRepository(join(scratchFolder(), 'own.git'));
  const other = join(scratchFolder(), 'sha256.git');
  await initBareRepository(other, { objectFormat: 'sha256' });
  const refusal = async (remote: string) => {
    try {
      await openSharedRepository(local, remote);
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'accepted';
  };
  assert.is(await refusal(other), 'object-format');
  assert.is(await refusal('/nowhere/at/all'), 'not-a-repository');
  assert.is(await refusal('--upload-pack=touch owned'), 'not-a-repository');
});

test('a folder: lists exact refs and those below, and never a neighbour of like name', async () => {
  const shared = await scratchShared();
  const ledger = await participant(shared.path);
  for (const run of ['run-1', 'run-10']) await submit(ledger, run);
  const list = async (...prefixes: string[]) => [...(await ledger.shared.list(prefixes)).keys()];
  assert.equal(await list('refs/dstack/runs/run-1'), ['refs/dstack/runs/run-1']);
  assert.equal(await list('refs/dstack/queue/run-1'), ['refs/dstack/queue/run-1/train']);
  assert.equal(await list(), []);
  rmSync(shared.path, { recursive: true });
  try {
    await list('refs/dstack/runs');
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code: string }).code, 'unreachable');
  }
});

test('a URL: a job goes its whole way, and what has gone there goes here', async () => {
  const shared = await scratchShared();
  const daemon = await serve(shared.path);
  const [submitter, runner] = [await participant(daemon.url), await participant(daemon.url)];
  for (const run of ['run-1', 'run-10']) await submit(submitter, run);
  assert.is(runner.shared.path, null);
  const list = async (...prefixes: string[]) => [...(await runner.shared.list(prefixes)).keys()];
  assert.equal(await list('refs/dstack/runs/run-1'), ['refs/dstack/runs/run-1']);
  assert.equal(await list('refs/dstack/queue/run-1'), ['refs/dstack/queue/run-1/train']);
  assert.equal(await list(), []);

  const entry = await queued(runner, 'run-1');
  const holder = await claim(runner, entry);
  await holder.renew({ state: 'running', chunks: [chunk('hello\n')] });
  assert.is((await acquireClaim(submitter, entry, claimant('gpu-2'), null)).result, 'lost');
  const seen = await openStateReader(submitter).read('run-1');
  assert.is(seen.runs[0]?.jobs[0]?.state, 'running');
  // Taken over by another, which has never seen the first one's objects but by fetching.
  const other = await participant(daemon.url);
  const tip = (await openLiveReader(other).look()).claims.get('run-1/train');
  if (tip?.kind !== 'claim') throw new Error('there is no claim');
  const second = await claim(other, entry, claimant('gpu-2'), tip);
  assert.is(await holder.renew(), 'lost');
  const finished = await finish(second);
  const live = await openLiveReader(submitter).look();
  const actions = decide(live, watchSilence(), new Set());
  assert.equal(
    actions.map((action) => action.do),
    ['settle', 'execute'],
  );
  assert.ok(await settle(submitter, [finished]));
  assert.equal(await list('refs/dstack/queue', 'refs/dstack/claims'), ['refs/dstack/queue/run-10/train']);
  const [run] = (await openStateReader(runner).read('run-1')).runs;
  assert.is(run?.state, 'done');
  const pieces: Uint8Array[] = [];
  for await (const { bytes } of readLog(runner.shared, run?.jobs[0]?.commit ?? '', 0, null))
    pieces.push(bytes);
  assert.is(Buffer.concat(pieces).toString(), 'hello\n');
  await daemon.stop();
});

test("a URL: the refs of the user and of the remote's branches stay as they are", async () => {
  const shared = await scratchShared();
  const daemon = await serve(shared.path);
  const project = scratchProject();
  project.git('remote', 'add', 'origin', daemon.url);
  project.git('push', '--quiet', 'origin', 'main');
  project.git('update-ref', 'refs/remotes/origin/gone', 'HEAD');
  const local = await initBareRepository(join(project.path, '.git'));
  const repository = await openSharedRepository(local, 'origin', project.path);
  const before = project.git('for-each-ref');
  await repository.list([]);
  await repository.list(['refs/dstack/runs', 'refs/dstack/queue']);
  assert.is(project.git('for-each-ref'), before);
  repository.close();
  await daemon.stop();
});

test("a URL: listings that get in each other's way are tried again; one that can't be had is an error", async () => {
  const shared = await scratchShared();
  const daemon = await serve(shared.path);
  const ledger = await participant(daemon.url);
  await submit(ledger, 'run-1');
  await ledger.shared.list(['refs/dstack']);
  // Another process holds the lock of a ref that is to be removed here, and lets go after a moment.
  const own = sharedAt(ledger.shared.local.gitDir);
  shared.git('update-ref', '-d', 'refs/dstack/queue/run-1/train');
  const mirrored = [...own.refs().keys()].find((ref) => ref.endsWith('queue/run-1/train')) as string;
  const lock = join(ledger.shared.local.gitDir, `${mirrored}.lock`);
  writeFileSync(lock, '');
  const listing = ledger.shared.list(['refs/dstack']);
  setTimeout(() => rmSync(lock, { force: true }), 150);
  assert.equal([...(await listing).keys()], ['refs/dstack/runs/run-1']);
  const both = await Promise.all([
    ledger.shared.list(['refs/dstack']),
    ledger.shared.list(['refs/dstack/runs']),
  ]);
  assert.equal(both[0], both[1]);
  await daemon.stop();
  try {
    await ledger.shared.list(['refs/dstack']);
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code: string }).code, 'unreachable');
    assert.match((error as Error).message, /git:\/\/127\.0\.0\.1/);
  }
});

test.run();
