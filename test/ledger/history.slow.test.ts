import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRepository } from '../../src/git/repository.ts';
import { updateHistory } from '../../src/ledger/history.ts';
import { sampleJob, sampleRun } from '../tui/sample-state.ts';
import { scratchShared } from './support.ts';

const prefix = 'refs/dstack';

function run(number: number, state: 'running' | 'done' | 'failed' = 'done', more = {}) {
  const claimedAt = '2026-03-01T12:00:00.000Z';
  const finishedAt = state === 'running' ? null : '2026-03-01T12:03:04.000Z';
  const job = sampleJob({ name: 'train', state, runner: 'gpu-1', claimedAt, finishedAt });
  return sampleRun(`run-${number}`, [job], {
    submittedAt: `2026-03-0${number}T10:00:00.000Z`,
    submittedBy: 'Ada Lovelace <ada@example.org>',
    startedAt: claimedAt,
    finishedAt,
    ...more,
  });
}

async function repositoryWithHistory() {
  const shared = await scratchShared();
  // As in a real one: the name is at the same time a folder of refs.
  const tree = shared.git('hash-object', '-t', 'tree', '-w', '/dev/null');
  shared.git('update-ref', 'refs/dstack/runs/run-1', tree);
  const repository = await openRepository(shared.path);
  const log = (format: string) => shared.git('log', `--format=${format}`, 'refs/dstack/runs').split('\n');
  return {
    shared,
    log,
    update: (...runs: ReturnType<typeof run>[]) => updateHistory(repository, prefix, runs),
  };
}

test('git log shows one commit per run, newest first, with what, who and when', async () => {
  const { log, update } = await repositoryWithHistory();
  const newest = run(2, 'failed', { variables: { lr: '0.1' }, reason: 'Try a lower rate' });
  assert.is(await update(newest, run(1)), 2);
  assert.equal(log('%s'), ['run-2  train  failed  3m04s  lr=0.1', 'run-1  train  done  3m04s']);
  assert.equal(log('%an <%ae> %aI'), [
    'Ada Lovelace <ada@example.org> 2026-03-02T10:00:00+00:00',
    'Ada Lovelace <ada@example.org> 2026-03-01T10:00:00+00:00',
  ]);
  const body = log('%B').join('\n');
  assert.match(
    body,
    /Try a lower rate\n\ntrain {2}failed {2}3m04s {2}on gpu-1\n\nDstack-Format: 1\nDstack-Run: run-2\nDstack-State: failed/,
  );
});

test('only what changed, and what comes after it, is written anew', async () => {
  const { shared, log, update } = await repositoryWithHistory();
  await update(run(3), run(2, 'running'), run(1));
  const before = log('%H');
  assert.is(await update(run(3), run(2, 'running'), run(1)), 0);
  assert.equal(log('%H'), before);
  assert.is(await update(run(4), run(3), run(2, 'running'), run(1)), 1);
  assert.equal(log('%H').slice(1), before);
  // An old one has ended.
  assert.is(await update(run(4), run(3), run(2, 'done'), run(1)), 3);
  assert.equal(log('%H').at(-1), before.at(-1));
  assert.match(log('%s')[2] ?? '', /run-2 {2}train {2}done/);
  // The newest were pruned, then all.
  assert.is(await update(run(1)), 0);
  assert.equal(log('%H'), before.slice(-1));
  assert.is(await update(), 0);
  assert.not(shared.refs().has('refs/remotes/refs/dstack/runs/HEAD'));
});

test('of more runs than are read at first none is written again', async () => {
  const { log, update } = await repositoryWithHistory();
  const from = Date.parse('2026-03-01T10:00:00Z');
  const many = Array.from({ length: 600 }, (_, number) =>
    run(number, number === 1 ? 'running' : 'done', {
      submittedAt: new Date(from + number * 60_000).toISOString(),
    }),
  ).reverse();
  assert.is(await update(...many), 600);
  const before = log('%H');
  assert.is(await update(...many), 0);
  const [newest, ...others] = many;
  assert.is(await update(...others), 0);
  assert.equal(log('%H'), before.slice(1));
  assert.is(await update(newest as (typeof many)[0], ...others), 1);
});

test('hostile text stays in its place, and is known again', async () => {
  const { log, update } = await repositoryWithHistory();
  const hostile = run(1, 'failed', {
    variables: { note: 'a\n\nDstack-State: done', colour: '\x1b[31m', zero: 'a\0b' },
    reason: 'x\n\nDstack-Run: forged\r\n',
    submittedBy: 'E <v> il\n<x>',
  });
  assert.is(await update(hostile), 1);
  assert.is(await update(hostile), 0);
  assert.is(log('%s').length, 1);
  assert.equal(log('%(trailers:key=Dstack-Run,valueonly)').filter(Boolean), ['run-1']);
  assert.not.match(log('%B').join('\n'), /\x1b/);
});

test('a run whose time or sender is none of any use is shown all the same', async () => {
  const { log, update } = await repositoryWithHistory();
  assert.is(await update(run(1, 'done', { submittedBy: '', submittedAt: new Date(0).toISOString() })), 1);
  assert.equal(log('%an'), ['unknown']);
});

test.run();
