// What somebody who may push could try to delete, or to use again, because there is an archive.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runPath } from '../../src/ledger/archive/archived-run.ts';
import { fold } from '../../src/ledger/archive/fold.ts';
import { printFile } from '../../src/ledger/formats.ts';
import { prepareRun } from '../../src/ledger/prepare-run.ts';
import { finishedRun, key } from '../ledger/archive/finished-run.ts';
import { jobSpec, runRequest } from '../ledger/support.ts';
import { as, type Foldable, foldableRuns, index, keep } from './foldable-runs.ts';
import { accepted, commit, create, judge, name, type RawCommit, refused } from './guarded-repository.ts';

const test = suite<Foldable>('a guard refuses, of what is archived or not,');

test.before(async (context) => {
  Object.assign(context, await foldableRuns());
});
test.after(({ eve }) => eve.close());

test('that what no archive has be deleted', async ({ shared, tip }) => {
  for (const [ref, words] of [
    [name('runs/one'), /never changed, and goes only once the archive has it/],
    [name('jobs/one/train'), /never changed, and goes only once the archive has it/],
    ['refs/notes/dstack/one/train', /never changed, and goes only once the archive has it/],
    [name(`cache/${key('one')}`), /only an admin takes results out/],
  ] as const) {
    await refused(shared, words, { ref, from: tip(ref), to: null });
    assert.is(await judge(shared, [{ ref, from: tip(ref), to: null }], as('admin')), '');
  }
});

test('that an archived run be taken out of an index, or changed there', async (context) => {
  const { shared, eve, folded, tip } = context;
  // Not even together with what would archive it.
  const gone = { ref: name('runs/one'), from: tip(name('runs/one')), to: null };
  await accepted(shared, eve, create(keep, folded.keeper));
  await refused(shared, /goes only once the archive has it/, create(index, folded.index), gone);
  await accepted(shared, eve, create(index, folded.index));
  await finishedRun(eve, 'three');
  const swap = (to: string | null) => ({ ref: index, from: folded.index, to });
  const next = (more: RawCommit) => commit(eve, { parents: [folded.index], ...more });
  const tree = tip(`${folded.index}^{tree}`);
  const says = { 'archive.json': printFile({ format: 1, runs: 4, folded: ['three'] }) };
  const folder = (path: string) => ({ id: tip(`${folded.index}:${path}`), mode: '040000' });
  const wrong: [RegExp, string][] = [
    [
      /a part of its runs is gone/,
      await next({ files: { ...says, 'runs/tw': folder('runs/tw'), cache: folder('cache') } }),
    ],
    [/a part of its cache is gone/, await next({ files: { ...says, runs: folder('runs') } })],
    [/has changed on\/one/, await next({ base: tree, files: { ...says, [runPath('one')]: '{}' } })],
    [/brings no run/, await next({ base: tree, files: says })],
  ];
  for (const [words, id] of wrong) await refused(shared, words, swap(id));
  await refused(shared, /only an admin deletes/, swap(null));
  assert.is(await judge(shared, [swap(null)], as('admin')), '');
});

test('that more of an archived run go than the archive has, or in another order, or by others', async (context) => {
  const { shared, eve, tip } = context;
  const goes = (ref: string) => ({ ref, from: tip(ref), to: null });
  const run = goes(name('runs/one'));
  const job = goes(name('jobs/one/train'));
  const note = goes('refs/notes/dstack/one/train');
  const result = goes(name(`cache/${key('one')}`));
  for (const first of [job, note]) {
    await refused(shared, /the run one has to go before it/, first);
    assert.is(await judge(shared, [run, first], as('runner')), '');
  }
  for (const update of [run, job, note, result])
    assert.match(await judge(shared, [update], as('submitter')), /is no runner/, update.ref);
  for (const update of [run, result]) assert.is(await judge(shared, [update], as('runner')), '', update.ref);
  for (const ref of [name('runs/three'), name('jobs/three/train'), 'refs/notes/dstack/three/train'])
    await refused(shared, /goes only once the archive has it/, goes(ref));
  await refused(shared, /only an admin takes results out/, goes(name(`cache/${key('three')}`)));
  // Others of these names are not those that the archive has.
  for (const [ref, words] of [
    [name('runs/one'), /goes only once the archive has it/],
    [name('jobs/one/train'), /goes only once the archive has it/],
    [name(`cache/${key('one')}`), /only an admin takes results out/],
  ] as const) {
    const before = tip(ref);
    const twin = await commit(eve, {
      base: tip(`${before}^{tree}`),
      message: `${shared.git('log', '-1', '--format=%B', before)}\n`,
    });
    shared.git('update-ref', ref, twin);
    await refused(shared, words, { ref, from: twin, to: null }, ...(ref === run.ref ? [] : [run]));
    shared.git('update-ref', ref, before);
  }
  await refused(shared, /never changed/, { ref: run.ref, from: run.from, to: tip(name('runs/two')) });
});

test('that the name of an archived run be used again', async (context) => {
  const { shared, eve, tip } = context;
  const end = tip(name('jobs/one/train'));
  const commitOfOne = tip(name('runs/one'));
  const noted = tip('refs/notes/dstack/one/train');
  await fold(eve, { most: 0, rest: 0 });
  assert.not(shared.refs().has(name('runs/one')));
  const again = await prepareRun(eve, runRequest(eve, 'one', [jobSpec('train')]));
  for (const update of again.updates)
    assert.match(await judge(shared, [update]), /there is a run one in the archive/, update.ref);
  // Nor is it brought from elsewhere with what it ended as there.
  const brought = [create(name('runs/one'), commitOfOne), create(name('claims/one/train'), end)];
  await refused(shared, /there is a run one in the archive/, ...brought);
  await refused(shared, /nobody has it/, create(name('claims/one/train'), end));
  await refused(shared, /not what its claim has ended with/, create(name('jobs/one/train'), end));
  await refused(shared, /there is no such run/, create('refs/notes/dstack/one/train', noted));
  assert.is(await judge(shared, [create(name('tags/best'), commitOfOne)]), '');
  await refused(shared, /it is on no run/, create(name('tags/best'), end));
});

test.run();
