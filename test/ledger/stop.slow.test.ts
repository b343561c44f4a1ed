import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { settle } from '../../src/ledger/settle.ts';
import { requestStop, type StopTarget, seeStopsThrough } from '../../src/ledger/stop.ts';
import {
  chunk,
  claim,
  claimant,
  dependsOn,
  finish,
  jobSpec,
  participant,
  queued,
  type Shared,
  scratchLedger,
  submit,
} from './support.ts';

const id = { run: 'run-1', job: 'train' };
const stopRef = 'refs/dstack/stops/run-1/train';

async function submitted() {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, id.run);
  const entry = await queued(ledger, id.run);
  return { shared, ledger, entry, target: { id, queueEntry: entry.commit } };
}

function request(shared: Shared): { abort: boolean; queue: string; by: string } {
  return JSON.parse(shared.git('show', `${stopRef}:stop.json`));
}

function record(shared: Shared): { state: string; reason: string; attempt: number } {
  return JSON.parse(shared.git('show', 'refs/dstack/jobs/run-1/train:record.json'));
}

const stop = { abort: false, by: 'Ada' };
const abort = { abort: true, by: 'Bob' };

/** Sees stops through, looking again after each call of `act` with the number of looks there were. */
async function see(
  ledger: Parameters<typeof seeStopsThrough>[0],
  targets: StopTarget[],
  act: (looks: number) => Promise<void> | void = () => {},
): Promise<string[][]> {
  const progress: string[][] = [];
  const wait = async () => {
    await act(progress.length);
  };
  await seeStopsThrough(ledger, targets, claimant('dstack-stop'), wait, (remaining) =>
    progress.push([...remaining]),
  );
  return progress;
}

test('a request names the queue object it is for; a second one changes nothing', async () => {
  const { shared, ledger, entry, target } = await submitted();
  assert.equal(await requestStop(ledger, [target], stop), [target]);
  const first = shared.refs().get(stopRef);
  assert.is(request(shared).queue, entry.commit);
  assert.equal(await requestStop(await participant(shared.path), [target], { ...stop, by: 'Eve' }), [target]);
  assert.is(shared.refs().get(stopRef), first);
});

test('an abort replaces a stop, a stop does not replace an abort', async () => {
  const { shared, ledger, target } = await submitted();
  await requestStop(ledger, [target], stop);
  assert.equal(await requestStop(ledger, [target], abort), [target]);
  assert.is(request(shared).abort, true);
  assert.equal(await requestStop(ledger, [target], stop), [target]);
  assert.is(request(shared).abort, true);
});

test('a request that was for another queue object, or is damaged, is replaced', async () => {
  const { shared, ledger, entry, target } = await submitted();
  await requestStop(ledger, [{ id, queueEntry: 'f'.repeat(40) }], abort);
  assert.equal(await requestStop(ledger, [target], stop), [target]);
  assert.equal([request(shared).queue, request(shared).abort], [entry.commit, false]);
  shared.git('update-ref', stopRef, entry.commit);
  assert.equal(await requestStop(ledger, [target], stop), [target]);
  assert.is(request(shared).queue, entry.commit);
});

test('stops and aborts of several at once: an abort is what remains', async () => {
  const { shared, target } = await submitted();
  const others = await Promise.all([1, 2, 3].map(() => participant(shared.path)));
  const asked = await Promise.all(
    others.map((other, index) => requestStop(other, [target], index === 1 ? abort : stop)),
  );
  assert.equal(asked, [[target], [target], [target]]);
  assert.is(request(shared).abort, true);
});

test('whoever may not ask is told so, in the words of the hook', async () => {
  const { shared, ledger, target } = await submitted();
  shared.hook('pre-receive', 'echo "Only Ada stops what is here." >&2; exit 1');
  const error: Error & { code?: string } = await requestStop(ledger, [target], stop).then(
    () => assert.unreachable(),
    (error) => error,
  );
  assert.is(error.code, 'refused-by-hook');
  assert.match(error.message, /^run-1\/train was not asked to end: .*Only Ada stops what is here\./);
  assert.not(shared.refs().has(stopRef));
});

test('a request that is refused since the job has ended is no failure', async () => {
  const { shared, ledger, target } = await submitted();
  shared.git('update-ref', '-d', 'refs/dstack/queue/run-1/train');
  shared.hook('pre-receive', 'exit 1');
  assert.equal(await requestStop(ledger, [target], stop), []);
});

test('a job that nobody has is ended without any runner, and so are those that wait for it', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1', [jobSpec('prepare'), jobSpec('train', dependsOn('prepare'))]);
  const targets = await Promise.all(
    ['prepare', 'train'].map(async (job) => ({
      id: { run: 'run-1', job },
      queueEntry: (await queued(ledger, 'run-1', job)).commit,
    })),
  );
  await requestStop(ledger, targets, stop);
  const progress = await see(ledger, targets);
  assert.equal(progress[0], ['run-1/prepare', 'run-1/train']);
  assert.equal(progress.at(-1), []);
  assert.is(record(shared).state, 'stopped');
  assert.is(record(shared).reason, 'stopped by Ada before it ran');
  assert.is(shared.git('for-each-ref', 'refs/dstack/queue', 'refs/dstack/claims', 'refs/dstack/stops'), '');
});

test('a living holder is waited for', async () => {
  const { shared, ledger, entry, target } = await submitted();
  const runner = await participant(shared.path);
  const holder = await claim(runner, entry, claimant('gpu-1', 60));
  await requestStop(ledger, [target], abort);
  const progress = await see(ledger, [target], async (looks) => {
    if (looks < 4) await holder.renew();
    else if (looks === 4)
      await settle(runner, [await finish(holder, { state: 'aborted', reason: 'aborted by Bob' })]);
  });
  assert.ok(progress.length > 4);
  assert.is(record(shared).reason, 'aborted by Bob');
  assert.is(record(shared).attempt, 1);
});

test('a silent holder is taken over after its lease, and its log is kept', async () => {
  const { shared, ledger, entry, target } = await submitted();
  const holder = await claim(await participant(shared.path), entry, claimant('gpu-1', 0.3));
  await holder.renew({ chunks: [chunk('last words\n')] });
  await requestStop(ledger, [target], stop);
  await see(ledger, [target], () => sleep(60));
  assert.is(record(shared).reason, 'stopped by Ada, its runner was silent');
  assert.is(record(shared).attempt, 2);
  assert.match(
    shared.git('notes', '--ref=refs/notes/dstack/run-1/train', 'show', 'refs/dstack/runs/run-1'),
    /last words/,
  );
  assert.is(await holder.renew(), 'lost');
});

test('a request that came after the end is cleared', async () => {
  const { shared, ledger, entry, target } = await submitted();
  await settle(ledger, [await finish(await claim(ledger, entry))]);
  await requestStop(ledger, [target], stop);
  assert.equal(await see(ledger, [target]), [[]]);
  assert.not(shared.refs().has(stopRef));
  assert.is(record(shared).state, 'done');
});

test.run();
