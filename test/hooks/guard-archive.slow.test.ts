// What somebody who may push could try to make the archive say or keep.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ArchivedRun, keeperMessage, runPath } from '../../src/ledger/archive/archived-run.ts';
import { printFile } from '../../src/ledger/formats.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { key } from '../ledger/archive/finished-run.ts';
import { as, type Foldable, failed, foldableRuns, index, keep, lied } from './foldable-runs.ts';
import { accepted, commit, create, judge, name, type RawCommit, refused } from './guarded-repository.ts';

const test = suite<Foldable>('a guard of the archive refuses');

test.before(async (context) => {
  Object.assign(context, await foldableRuns());
});
test.after(({ eve }) => eve.close());

/** A keeper with these parents and notes. */
const keeperOf = (eve: Ledger, parents: readonly string[], more: RawCommit = {}) =>
  commit(eve, { parents, message: keeperMessage, ...more });

const noteOn = (id: string) => `${id.slice(0, 2)}/${id.slice(2)}`;

test('that the archive keep what is nothing of a run', async ({ shared, eve, folded, tip }) => {
  const one = tip(name('runs/one'));
  const stray = await commit(eve, { files: { big: 'x' } });
  const keeper = (parents: readonly string[], more?: RawCommit) => keeperOf(eve, parents, more);
  const wrong: [RegExp, string][] = [
    [/neither a run nor an outcome here/, await keeper([one, stray])],
    [/neither a run nor an outcome here/, await keeper([one, tip(name('queue/busy/train'))])],
    [/no keeper of an archive/, await commit(eve, { parents: [one] })],
    [/no keeper of an archive/, await keeper([stray])],
    [/keeps nothing/, await keeper([])],
    [/note .* on no run that it keeps/, await keeper([one], { files: { [noteOn(stray)]: 'x' } })],
    [
      /note .* on no run that it keeps/,
      await keeper([one], { files: { [`${one.slice(0, 3)}/${one.slice(3)}`]: 'x' } }),
    ],
    [/is no plain folder/, await keeper([one], { files: { evil: 'x' } })],
    [/is no plain file/, await keeper([one], { files: { [`${noteOn(one)}/x`]: 'x' } })],
    [
      /has \d+ bytes, and may have/,
      await keeper([tip(name('runs/two'))], {
        files: { [noteOn(tip(name('runs/two')))]: Buffer.alloc(20 << 20) },
      }),
    ],
  ];
  for (const [words, id] of wrong) await refused(shared, words, create(keep, id));
  assert.match(await judge(shared, [create(keep, folded.keeper)], as('submitter')), /is no runner or admin/);
  for (const role of ['runner', 'admin'] as const)
    assert.is(await judge(shared, [create(keep, folded.keeper)], as(role)), '');
});

test('that it keep no longer what it has kept', async ({ shared, eve, folded, tip }) => {
  const [one, two] = [tip(name('runs/one')), tip(name('runs/two'))];
  await accepted(shared, eve, create(keep, folded.keeper));
  const tree = tip(`${folded.keeper}^{tree}`);
  const next = (parents: readonly string[], more: RawCommit = { base: tree }) => keeperOf(eve, parents, more);
  const swap = (to: string | null) => ({ ref: keep, from: folded.keeper, to });
  await refused(shared, /not built on the keeper/, swap(await next([one])));
  await refused(shared, /not built on the keeper/, swap(await next([one, two])));
  await refused(shared, /keeps nothing that is new/, swap(await next([folded.keeper])));
  await refused(shared, /a part of its notes is gone/, swap(await next([folded.keeper, one], {})));
  const forged = { base: tree, files: { [noteOn(two)]: 'another log' } };
  await refused(shared, /on no run that it keeps/, swap(await next([folded.keeper, one], forged)));
  assert.is(await judge(shared, [swap(await next([folded.keeper, two], forged))]), '');
  await refused(shared, /only an admin deletes/, swap(null));
  assert.is(await judge(shared, [swap(null)], as('admin')), '');
  // Nor can the guard be made to look for ever.
  let last = folded.keeper;
  for (let number = 0; number <= 1_000; number += 1) last = await next([last, one]);
  await refused(shared, /not built on the keeper/, swap(last));
});

/** The index that a folding makes, but for what is changed of a run. */
async function forge(
  { eve, shared, folded }: Foldable,
  run: string,
  change: (archived: ArchivedRun) => unknown,
  more: RawCommit = {},
): Promise<string> {
  const archived = JSON.parse(shared.git('show', `${folded.index}:${runPath(run)}`)) as ArchivedRun;
  const files = { [runPath(run)]: `${JSON.stringify(change(archived))}\n`, ...more.files };
  return commit(eve, { base: shared.git('rev-parse', `${folded.index}^{tree}`), ...more, files });
}

test('that a run be archived as what it is not', async (context) => {
  const { shared, folded, tip } = context;
  const of = (change: Partial<ArchivedRun['run']>, run = 'one') =>
    forge(context, run, (archived) => ({ ...archived, run: { ...archived.run, ...change } }));
  const job = (change: Partial<ArchivedRun['run']['jobs'][number]>, run = 'one') =>
    forge(context, run, (archived) => {
      const [first, ...jobs] = archived.run.jobs;
      return { ...archived, run: { ...archived.run, jobs: [{ ...first, ...change }, ...jobs] } };
    });
  const wrong: [RegExp, string][] = [
    [/is not what the run one points at/, await of({ commit: tip(name('runs/two')) })],
    [
      /are others than its commit lists/,
      await forge(context, 'one', ({ run, ...archived }) => ({
        ...archived,
        run: { ...run, jobs: run.jobs.slice(1) },
      })),
    ],
    [/are others than its commit lists/, await job({ name: 'another' })],
    [/not what one\/prepare has ended with/, await job({ commit: tip(name('jobs/one/train')) })],
    [/not what one\/prepare has ended with/, await job({ commit: folded.keeper })],
    [/says of one\/prepare is not/, await job({ state: 'failed' })],
    [/says of one\/prepare is not/, await job({ finishedAt: '2020-01-01T00:00:00.000Z' })],
    [/says of one\/prepare is not/, await job({ reason: 'because' })],
    [/says of one is not/, await of({ state: 'failed' })],
    [/says of one is not/, await of({ submittedBy: 'Eve <eve@example.org>' })],
    [/is of the run two/, await of({ name: 'two' })],
    [/one is damaged/, await forge(context, 'one', (archived) => ({ ...archived, more: 1 }))],
    [/has format 2/, await forge(context, 'one', (archived) => ({ ...archived, format: 2 }))],
  ];
  for (const [words, id] of wrong) await refused(shared, words, create(index, id));
  // What is not what it is said to be on the server.
  for (const area of ['queue', 'claims', 'stops']) {
    shared.git('update-ref', name(`${area}/two/train`), tip(name('queue/busy/train')));
    await refused(shared, new RegExp(`two/train is still in ${area}`), create(index, folded.index));
    shared.git('update-ref', '-d', name(`${area}/two/train`));
  }
});

test('that an index name a keeper that does not keep what it brings', async (context) => {
  const { shared, eve, folded, tip } = context;
  const by = (keeper: string) => forge(context, 'two', (archived) => ({ ...archived, keeper }));
  const elsewhere = await keeperOf(eve, [tip(name('runs/two')), tip(name('jobs/two/train'))]);
  await refused(shared, /is none of .*keep/, create(index, await by(elsewhere)));
  // It is there only once it has been pushed: it may fail.
  const later = await keeperOf(eve, [folded.keeper, tip(name('runs/two')), tip(name('jobs/two/train'))], {
    base: tip(`${folded.keeper}^{tree}`),
  });
  const pushed = { ref: keep, from: folded.keeper, to: later };
  await refused(shared, /is none of .*keep/, pushed, create(index, await by(later)));
  await refused(shared, /is none of .*keep/, create(name('archive/index/other'), folded.index));
  const first = await keeperOf(eve, [tip(name('runs/one'))]);
  const second = await keeperOf(eve, [first, tip(name('jobs/two/train')), tip(name('runs/two'))]);
  const another = name('archive/keep/000002-b');
  await accepted(shared, eve, create(another, second));
  const onlyTwo = (keeper: string) =>
    commit(eve, {
      files: {
        [runPath('two')]: shared
          .git('show', `${folded.index}:${runPath('two')}`)
          .replaceAll(folded.keeper, keeper),
        'archive.json': printFile({ format: 1, runs: 1, folded: ['two'] }),
      },
    });
  const ref = name('archive/index/000002-b');
  await refused(shared, /does not keep/, create(ref, await onlyTwo(first)));
  assert.is(await judge(shared, [create(ref, await onlyTwo(second))]), '');
});

test('that an index have something else, or results of nobody', async (context) => {
  const { shared, eve, folded } = context;
  const tree = shared.git('rev-parse', `${folded.index}^{tree}`);
  const more = (files: RawCommit['files'], parents: string[] = []) =>
    commit(eve, { base: tree, parents, files: files ?? {} });
  const blob = (run: string) => ({ id: shared.git('rev-parse', `${folded.index}:${runPath(run)}`) });
  const cached = (run: string, cache: object) => forge(context, run, (archived) => ({ ...archived, cache }));
  const said = (change: object) =>
    more({ 'archive.json': printFile({ format: 1, runs: 3, folded: ['one', 'two', 'odd'], ...change }) });
  const wrong: [RegExp, string][] = [
    [/not built on the index that is there, alone/, await more({}, [folded.keeper])],
    [/which nothing reads/, await more({ evil: 'x' })],
    [/is of the run one/, await more({ 'runs/ot/other': blob('one') })],
    [/is no plain file/, await more({ 'runs/on/x/y': 'x' })],
    [/has [0-9]+ bytes, and may have/, await more({ [runPath('one')]: Buffer.alloc(65 << 20) })],
    [/says that it has 7 runs, and has 3/, await said({ runs: 7 })],
    [/brings other runs/, await said({ folded: ['one', 'two', 'other'] })],
    [/brings other runs/, await said({ folded: ['one', 'two'] })],
    [/no result of a run that it brings/, await more({ [`cache/aa/${'a'.repeat(64)}`]: blob('one') })],
    [/no result of a run that it brings/, await more({ [`cache/aa/${key('one')}`]: blob('one') })],
    [/no result of a run that it brings/, await more({ [`cache/aa/${'a'.repeat(64)}`]: 'x' })],
    [/one\/prepare is no result of the key/, await cached('one', { [key('one')]: 'prepare' })],
    [/one\/nobody is no result of the key/, await cached('one', { [key('one')]: 'nobody' })],
    [/odd\/liar is no result of the key/, await cached('odd', { [lied]: 'liar' })],
    [/odd\/loser is no result of the key/, await cached('odd', { [failed]: 'loser' })],
  ];
  for (const [words, id] of wrong) await refused(shared, words, create(index, id));
  const update = create(index, folded.index);
  assert.match(await judge(shared, [update], as('submitter')), /is no runner or admin/);
  for (const role of ['runner', 'admin'] as const) assert.is(await judge(shared, [update], as(role)), '');
});

test.run();
