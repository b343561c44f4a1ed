// What the guard says of jobs whose artifacts are given up.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { printFile } from '../../src/ledger/formats.ts';
import type { Role } from '../../src/ledger/guard/roles.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { addPruned, prunedOf } from '../../src/ledger/prune/pruned-jobs.ts';
import { type Shared, scratchShared, submit } from '../ledger/support.ts';
import { commit, create, insider, judge, name } from './guarded-repository.ts';

const test = suite<{ shared: Shared; eve: Ledger }>('a guard, of what is pruned');
const as = (...mine: Role[]) => ({ user: 'eve', roles: new Set(mine) });
const ref = name('pruned/artifacts');

test.before.each(async (context) => {
  context.shared = await scratchShared();
  context.eve = await insider(context.shared);
  await submit(context.eve, 'run-1');
});
test.after.each(({ eve }) => eve.close());

const file = (run: string) => printFile({ format: 1, run, jobs: { train: '2026-03-01T12:00:00.000Z' } });

test('an admin adds to it, and nobody else', async ({ shared, eve }) => {
  const first = await commit(eve, { files: { 'runs/ru/run-1': file('run-1') } });
  assert.is(await judge(shared, [create(ref, first)], as('admin')), '');
  assert.match(await judge(shared, [create(ref, first)], as('submitter', 'runner')), 'eve is no admin here');
  await addPruned(eve, new Map([['run-1', ['train']]]), '2026-03-01T12:00:00.000Z');
  assert.is((await prunedOf(eve, 'run-1')).get('train'), '2026-03-01T12:00:00.000Z');
  const tip = shared.refs().get(ref) as string;
  const gone = [{ ref, from: tip, to: null }];
  assert.match(await judge(shared, gone, as('submitter', 'runner')), 'only an admin forgets what was pruned');
  assert.is(await judge(shared, gone, as('admin')), '');
});

test('nor does he write what is none of it', async ({ shared, eve }) => {
  const forged: [files: Record<string, string>, words: RegExp][] = [
    [{ 'runs/ru/run-2': file('run-2') }, /there is no run run-2/],
    [{ 'runs/xx/run-1': file('run-1') }, /is of the run run-1/],
    [{ 'runs/ru/run-1': file('run-1'), more: 'x' }, /which nothing reads/],
    [{ 'runs/ru/run-1': '{"format":9}' }, /format/],
  ];
  for (const [files, words] of forged) {
    const said = await judge(shared, [create(ref, await commit(eve, { files }))], as('admin'));
    assert.match(said, words);
  }
  const first = await commit(eve, { files: { 'runs/ru/run-1': file('run-1') } });
  assert.match(await judge(shared, [create(name('pruned/other'), first)], as('admin')), /called so/);
  shared.git('update-ref', ref, first);
  const other = await commit(eve, { files: { 'runs/ru/run-1': file('run-1') }, message: 'y\n' });
  assert.match(await judge(shared, [{ ref, from: first, to: other }], as('admin')), /built on what is there/);
});

test.run();
