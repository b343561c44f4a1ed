import { execFileSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DstackError } from '../../../src/errors.ts';
import { fold } from '../../../src/ledger/archive/fold.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { readNeeds } from '../../../src/ledger/prune/needs.ts';
import { addPruned, prunedOf, readPruned } from '../../../src/ledger/prune/pruned-jobs.ts';
import { readUploads, readWhole } from '../../../src/ledger/prune/whole-ledger.ts';
import { makeRecord } from '../../../src/ledger/records.ts';
import { settle } from '../../../src/ledger/settle.ts';
import { setTag } from '../../../src/ledger/tags.ts';
import {
  chunk,
  claim,
  done,
  finish,
  jobSpec,
  participant,
  queued,
  type Shared,
  scratchGuarded,
  scratchLedger,
  submit,
} from '../support.ts';

const blob = { sha256: 'ab'.repeat(32), size: 5 };

/** A run with one job that has ended. */
async function ended(ledger: Ledger, run: string, dependsOn: { run: string | null; job: string }[] = []) {
  const { commit } = await submit(ledger, run, [jobSpec('train', { dependsOn })]);
  const finished = await finish(await claim(ledger, await queued(ledger, run)));
  await settle(ledger, [finished]);
  return { commit, outcome: finished.commit };
}

const stops = async (read: () => Promise<unknown>, words: RegExp) => {
  try {
    await read();
  } catch (error) {
    assert.instance(error, DstackError);
    assert.is((error as DstackError).code, 'unreadable');
    assert.match((error as DstackError).message, words);
    return;
  }
  assert.unreachable('it did not stop');
};

test('all of a ledger: what waits, is claimed, has ended, is archived, has a tag', async () => {
  const { shared, ledger } = await scratchLedger();
  const archived = await ended(ledger, 'run-1');
  const kept = await ended(ledger, 'run-2');
  await setTag(ledger, 'best', kept.commit);
  assert.is(await fold(ledger, { most: 0, rest: 5 }), 1);
  await submit(ledger, 'run-3', [jobSpec('train', { dependsOn: [{ run: 'run-1', job: 'train' }] })]);
  await submit(ledger, 'run-4');
  const holder = await claim(ledger, await queued(ledger, 'run-4'));
  await submit(ledger, 'run-5');
  const unsettled = await finish(await claim(ledger, await queued(ledger, 'run-5')));
  for (const who of [ledger, await participant(`file://${shared.path}`)]) {
    const whole = await readWhole(who);
    const seen = [...whole.runs.values()].map(({ name, isAtRest, jobs }) => [
      name,
      isAtRest,
      jobs[0]?.commit ?? null,
    ]);
    assert.equal(seen.sort(), [
      ['run-1', true, archived.outcome],
      ['run-2', true, kept.outcome],
      ['run-3', false, null],
      ['run-4', false, null],
      ['run-5', false, unsettled.commit],
    ]);
    assert.equal(whole.runs.get('run-3')?.jobs[0]?.dependsOn, [{ run: 'run-1', job: 'train' }]);
    assert.equal([...whole.tagged], ['run-2']);
    assert.equal(whole.others, [holder.tip()]);
    assert.equal([...(await readUploads(who))], ['run-4/train 1 instance-of-gpu-1']);
  }
});

test('what a job needs: its manifest, its long log, pieces of its streams; of a lease, too', async () => {
  const { ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const holder = await claim(ledger, await queued(ledger, 'run-1'));
  await holder.renew({ chunks: [chunk('some'), { at: 1, stored: blob }] });
  assert.equal(await readNeeds(ledger, holder.tip()), {
    job: 'run-1/train',
    artifacts: null,
    stored: [blob],
  });
  const said = { manifest: 'x', files: 0, bytes: 0, complete: true };
  await holder.renew({ kept: { manifest: 'a checkpoint', said, savedAt: '2026-01-01' } });
  const saved = await readNeeds(ledger, holder.tip());
  assert.equal([String(saved.artifacts?.text), saved.artifacts?.sha256], ['a checkpoint', 'x']);
  const log = { bytes: 9, sha256: 'cd'.repeat(32), stored: true };
  const outcome = { ...done, artifacts: said, log };
  const finished = await holder.finish((file) => makeRecord(holder.entry, file, outcome, '2026-01-01'), {
    artifacts: '{"format":1,"entries":[]}',
    logTail: null,
  });
  assert.is(finished.result, 'won');
  const needs = await readNeeds(ledger, holder.tip());
  assert.equal([String(needs.artifacts?.text), needs.artifacts?.sha256], ['{"format":1,"entries":[]}', 'x']);
  assert.equal(needs.stored, [{ sha256: log.sha256, size: 9 }, blob]);
});

/** Puts another commit in a ref's place, with this file changed. */
function forge(shared: Shared, ref: string, path: string, change: (text: string) => string): void {
  const text = change(shared.git('show', `${ref}:${path}`));
  const input = (args: string[], text: string) =>
    execFileSync('git', args, { cwd: shared.path, encoding: 'utf8', input: text }).trimEnd();
  const id = input(['hash-object', '-w', '--stdin'], text);
  const tree = shared
    .git('ls-tree', ref)
    .split('\n')
    .map((line) => (line.endsWith(`\t${path}`) ? `100644 blob ${id}\t${path}` : line));
  const commit = shared.git('commit-tree', '-m', 'x', input(['mktree'], `${tree.join('\n')}\n`));
  shared.git('update-ref', ref, commit);
}

/** That of another run, as if it were run-1's. */
function runMessage(shared: Shared, commit: string): string {
  return shared.git('log', '-1', '--format=%B', commit).replaceAll('run-2', 'run-1');
}

test('what cannot be read, or is of a newer dstack, stops it', async () => {
  const { shared, ledger } = await scratchLedger();
  await ended(ledger, 'run-1');
  const ref = 'refs/dstack/jobs/run-1/train';
  const before = shared.git('rev-parse', ref);
  forge(shared, ref, 'record.json', (text) => text.replace('"format": 1', '"format": 7'));
  const outcome = shared.git('rev-parse', ref);
  await stops(() => readWhole(ledger), /run-1\/train in .* can't be read: .*format/);
  await stops(() => readNeeds(ledger, outcome), /can't be read/);
  shared.git('update-ref', ref, before);
  await readWhole(ledger);
  await stops(() => readNeeds(ledger, 'a'.repeat(40)), /missing/);

  await fold(ledger, { most: 0, rest: 0 });
  await readWhole(ledger);
  const index = shared.git('for-each-ref', '--format=%(refname)', 'refs/dstack/archive/index');
  forge(shared, index, 'archive.json', (text) => text.replace('"runs": 1', '"runs": 2'));
  await stops(() => readWhole(ledger), /it has 1 of 2 runs/);
});

test('a lease that cannot be read stops whoever asks for uploads', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  await claim(ledger, await queued(ledger, 'run-1'));
  forge(shared, 'refs/dstack/claims/run-1/train', 'claim.json', (text) =>
    text.replace('"format": 1', '"format": 7'),
  );
  await stops(() => readUploads(ledger), /run-1\/train in .* can't be read/);
});

test('of runs of one name, archived and pushed by hand, nothing goes that one of them needs', async () => {
  const { shared, ledger } = await scratchLedger();
  const { outcome } = await ended(ledger, 'run-1');
  const other = await ended(ledger, 'run-2');
  await fold(ledger, { most: 0, rest: 0 });
  shared.git(
    'update-ref',
    'refs/dstack/runs/run-1',
    shared.git('commit-tree', '-m', runMessage(shared, other.commit), `${other.commit}^{tree}`),
  );
  const whole = await readWhole(ledger);
  assert.is(whole.runs.get('run-1')?.jobs[0]?.commit, null);
  assert.ok(whole.others.includes(outcome));
});

test('what was pruned is added to, also where refs are only branches that nobody rewinds', async () => {
  const guarded = await scratchGuarded();
  const layout = { refPrefix: 'refs/heads/dstack' };
  const { ledger } = await scratchLedger();
  for (const one of [ledger, await participant(guarded.path, 'tester', layout)]) {
    assert.equal(await readPruned(one), new Map());
    await addPruned(one, new Map([['run-1', ['a', 'b']]]), '2026-01-01');
    const more = new Map([
      ['run-1', ['b', 'c']],
      ['other-run', ['a']],
    ]);
    await addPruned(one, more, '2026-02-02');
    const first = [...(await prunedOf(one, 'run-1'))].sort();
    assert.equal(first, [
      ['a', '2026-01-01'],
      ['b', '2026-01-01'],
      ['c', '2026-02-02'],
    ]);
    assert.equal([...(await readPruned(one)).keys()].sort(), ['other-run', 'run-1']);
    assert.is((await prunedOf(one, 'unknown')).size, 0);
  }
});

test.run();
