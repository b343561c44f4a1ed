import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openLiveReader } from '../../src/ledger/live.ts';
import { openStateReader } from '../../src/ledger/read-state.ts';
import { jobName } from '../../src/ledger/refs.ts';
import { putUpCard } from '../../src/ledger/runner-cards.ts';
import { settle } from '../../src/ledger/settle.ts';
import { requestStop } from '../../src/ledger/stop.ts';
import {
  chunk,
  claim,
  claimant,
  dependsOn,
  finish,
  jobSpec,
  queued,
  type Shared,
  scratchLedger,
  submit,
} from './support.ts';

const jobs = [jobSpec('prepare', { image: 'python' }), jobSpec('train', dependsOn('prepare'))];

/** Writes any commit object at all; returns its id. */
function hostileCommit(shared: Shared, tree: string, time: string, message: string): string {
  shared.hook(
    'write',
    `printf 'tree ${tree}\\nauthor A <a> ${time} +0000\\ncommitter A <a> ${time} +0000\\n\\n${message}' | git hash-object -t commit -w --literally --stdin`,
  );
  return shared.git('-c', 'alias.write=!hooks/write', 'write');
}

test('a run is read from submission to its end', async () => {
  const { ledger } = await scratchLedger();
  const { commit } = await submit(ledger, 'run-1', jobs, { overrides: { lr: '0.1' }, reason: 'why' });
  const reader = openStateReader(ledger);
  const read = async () => {
    const run = (await reader.read()).runs[0];
    if (!run) throw new Error('there is no run');
    return { run, states: run.jobs.map((job) => `${job.name} ${job.state}: ${job.reason}`) };
  };
  const first = await read();
  assert.equal(first.states, [
    'prepare submitted: waits for a runner: there is none',
    'train submitted: waits for prepare',
  ]);
  assert.is(first.run.commit, commit);
  assert.is(first.run.state, 'submitted');
  assert.equal(first.run.variables, { lr: '0.1' });
  assert.is(first.run.reason, 'why');
  assert.is(first.run.submittedBy, 'Ada <ada@example.org>');
  assert.is(first.run.submittedAt, new Date(1_764_021_600_000).toISOString());
  assert.is(first.run.jobs[0]?.image, 'python');

  const holder = await claim(ledger, await queued(ledger, 'run-1', 'prepare'));
  await holder.renew({ state: 'pulling', detail: '10 of 20 MB' });
  const pulling = await read();
  assert.is(pulling.states[0], 'prepare pulling: 10 of 20 MB');
  assert.is(pulling.run.state, 'pulling');
  assert.is(pulling.run.jobs[0]?.runner, 'gpu-1');
  assert.is(pulling.run.jobs[0]?.commit, holder.tip());

  const finished = await finish(holder);
  const unsettled = await read();
  assert.equal(unsettled.states, [
    'prepare done: null',
    'train submitted: waits for a runner: there is none',
  ]);
  await settle(ledger, [finished]);
  const settled = await read();
  assert.equal(settled.run.jobs[0], { ...unsettled.run.jobs[0], queueEntry: null });
  assert.is(settled.run.finishedAt, null);

  const second = await finish(await claim(ledger, await queued(ledger, 'run-1', 'train')), {
    state: 'failed',
    reason: 'exit code 1',
    exitCode: 1,
  });
  await settle(ledger, [second]);
  const last = await read();
  assert.is(last.run.state, 'failed');
  assert.is(last.run.finishedAt, second.record.finishedAt);
  assert.is(last.run.startedAt, finished.record.claimedAt);
  const all = (await reader.read()).runs.flatMap((run) => run.jobs.map((job) => `${run.name}/${job.name}`));
  assert.equal(all, ['run-1/prepare', 'run-1/train']);
});

test('runs are newest first, and one can be read alone', async () => {
  const { ledger } = await scratchLedger();
  for (const [index, run] of ['b', 'a', 'c'].entries()) {
    await submit(ledger, run, jobs, { author: { name: 'A', email: 'a', time: index * 60_000 } });
  }
  const reader = openStateReader(ledger);
  assert.equal(
    (await reader.read()).runs.map(({ name }) => name),
    ['c', 'a', 'b'],
  );
  assert.equal(
    (await reader.read('a')).runs.map(({ name }) => name),
    ['a'],
  );
  assert.equal((await reader.read('none')).runs, []);
});

test('a stop shows until it is carried out, but only on the queue entry that it names', async () => {
  const { ledger } = await scratchLedger();
  await submit(ledger, 'run-1', jobs);
  const [prepare, train] = [await queued(ledger, 'run-1', 'prepare'), await queued(ledger, 'run-1', 'train')];
  const targets = [
    { id: prepare.id, queueEntry: prepare.commit },
    { id: train.id, queueEntry: 'f'.repeat(40) },
  ];
  await requestStop(ledger, targets, { abort: false, by: 'Ada' });
  const [run] = (await openStateReader(ledger).read()).runs;
  assert.equal(
    run?.jobs.map((job) => job.stopping),
    [true, false],
  );
});

test('a commit whose date is none does not hide the rest', async () => {
  const { shared, ledger } = await scratchLedger();
  const { commit } = await submit(ledger, 'run-1', jobs);
  const tree = shared.git('rev-parse', `${commit}^{tree}`);
  const message = 'x\\n\\nDstack-Format: 1\\nDstack-Run: run-2\\nDstack-Workflow: w\\n';
  const hostile = hostileCommit(shared, tree, '99999999999999999999', message);
  shared.git('update-ref', 'refs/dstack/runs/run-2', hostile);
  const { runs } = await openStateReader(ledger).read();
  assert.equal(runs.map(({ name }) => name).sort(), ['run-1', 'run-2']);
});

test('what is not a run, of a newer version, or under another name is left out', async () => {
  const { shared, ledger } = await scratchLedger();
  const { commit } = await submit(ledger, 'run-1', jobs);
  const tree = shared.git('rev-parse', `${commit}^{tree}`);
  shared.git('update-ref', 'refs/dstack/runs/copy', commit);
  shared.git('update-ref', 'refs/dstack/runs/tree', tree);
  const newer = hostileCommit(
    shared,
    tree,
    '0',
    'x\\n\\nDstack-Format: 2\\nDstack-Run: newer\\nDstack-Workflow: w\\n',
  );
  shared.git('update-ref', 'refs/dstack/runs/newer', newer);
  shared.git('update-ref', 'refs/dstack/runners/broken', commit);
  const state = await openStateReader(ledger).read();
  assert.equal(
    state.runs.map(({ name }) => name),
    ['run-1'],
  );
  assert.equal(state.runners, []);
});

test("a record under another job's name gives it no outcome", async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1', jobs);
  const finished = await finish(await claim(ledger, await queued(ledger, 'run-1', 'prepare')));
  shared.git('update-ref', 'refs/dstack/claims/run-1/train', finished.commit);
  const [run] = (await openStateReader(ledger).read()).runs;
  assert.equal(
    run?.jobs.map(({ state }) => state),
    ['done', 'submitted'],
  );
  const live = await openLiveReader(ledger).look();
  assert.equal([...live.claims.keys()], ['run-1/prepare']);
  assert.equal([...live.unreadableClaims], ['run-1/train']);
  assert.match(live.problems.get('refs/dstack/claims/run-1/train') ?? '', /of the job run-1\/prepare/);
});

test('a damaged claim, stop or queue entry is a problem of its own', async () => {
  const { shared, ledger } = await scratchLedger();
  const { commit } = await submit(ledger, 'run-1', jobs);
  for (const area of ['claims', 'stops', 'queue']) {
    shared.git('update-ref', `refs/dstack/${area}/run-1/train`, commit);
  }
  const live = await openLiveReader(ledger).look();
  assert.equal([...live.queue.keys()], ['run-1/prepare']);
  assert.is(live.problems.size, 3);
  const [run] = (await openStateReader(ledger).read()).runs;
  assert.match(run?.jobs[1]?.reason ?? '', /can't be read: written by another version/);
});

test('a look reads only what is new', async () => {
  const { ledger } = await scratchLedger();
  await submit(ledger, 'run-1', jobs);
  const holder = await claim(ledger, await queued(ledger, 'run-1', 'prepare'));
  let reads = 0;
  const counting = {
    ...ledger,
    shared: {
      ...ledger.shared,
      read(name: string) {
        reads += 1;
        return ledger.shared.read(name);
      },
    },
  };
  const reader = openLiveReader(counting);
  await reader.look();
  assert.ok(reads > 0);
  reads = 0;
  await reader.look();
  assert.is(reads, 0);
  await holder.renew({ chunks: [chunk('x')] });
  reads = 0;
  const live = await reader.look();
  assert.ok(reads <= 2);
  assert.is(live.claims.get('run-1/prepare')?.commit, holder.tip());
});

test('runners are shown by their cards', async () => {
  const { ledger } = await scratchLedger();
  const card = {
    host: 'lab',
    instance: 'i',
    pid: 1,
    executor: 'docker',
    concurrency: 2,
    version: '1',
    labels: { gpu: 'a100' },
    jobs: [],
    startedAt: '2026-03-01T12:00:00.000Z',
    heartbeat: 20,
    machine: { cpu: 8, memory: 64 * 1024 ** 3, gpus: [] },
    draining: false,
    waiting: null,
  };
  for (const name of ['gpu-2', 'gpu-1']) await putUpCard(ledger, { ...card, name }, null);
  const { runners } = await openStateReader(ledger).read();
  assert.equal(
    runners.map(({ name }) => name),
    ['gpu-1', 'gpu-2'],
  );
  assert.equal(runners[0]?.labels, { gpu: 'a100' });

  // What they are at is known from the claims at once, whenever a card is renewed.
  await submit(ledger, 'run-1');
  const holder = await claim(ledger, await queued(ledger, 'run-1'), claimant('gpu-2'));
  const jobsOf = async () => (await openStateReader(ledger).read()).runners.map(({ jobs }) => jobs);
  assert.equal(await jobsOf(), [[], [jobName(holder.id)]]);
  // The image that one of them waits for, too.
  const waitsFor = async () => (await openStateReader(ledger).read()).runners[1]?.waiting;
  assert.is(await waitsFor(), null);
  await holder.renew({ state: 'pulling', detail: '40 %' });
  assert.is(await waitsFor(), 'the image of run-1/train: 40 %');
  await finish(holder);
  assert.equal(await jobsOf(), [[], []]);
  assert.is(await waitsFor(), null);
});

test.run();
