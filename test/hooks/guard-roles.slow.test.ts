// What each role alone is refused, and what comes with its run, or after its end.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RefUpdate } from '../../src/git/push.ts';
import { printFile } from '../../src/ledger/formats.ts';
import { type Role, roles } from '../../src/ledger/guard/roles.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { prepareRun } from '../../src/ledger/prepare-run.ts';
import { makeRecord } from '../../src/ledger/records.ts';
import { printRunMessage } from '../../src/ledger/run-message.ts';
import { settle } from '../../src/ledger/settle.ts';
import {
  claim,
  done,
  finish,
  jobSpec,
  queued,
  runRequest,
  type Shared,
  scratchShared,
  submit,
} from '../ledger/support.ts';
import { accepted, commit, create, insider, judge, name, refused } from './guarded-repository.ts';

interface Context {
  shared: Shared;
  /** What she writes is there at once, as what is pushed is for the hook. */
  eve: Ledger;
}
const test = suite<Context>('a guard tells roles apart');
const as = (...mine: Role[]) => ({ user: 'eve', roles: new Set(mine) });

test.before.each(async (context) => {
  context.shared = await scratchShared();
  context.eve = await insider(context.shared);
});
test.after.each(({ eve }) => eve.close());

const stopOf = (eve: Ledger, queue: string) =>
  commit(eve, {
    files: {
      'stop.json': printFile({
        format: 1,
        run: 'new',
        job: 'train',
        queue,
        abort: false,
        by: 'eve',
        nonce: 'n',
      }),
    },
  });

/** The end of a claim that is there, in any state. */
async function endOf({ shared, eve }: Context, change: object = {}) {
  const entry = await queued(eve, 'new');
  const holder = await claim(eve, entry);
  const ref = name('claims/new/train');
  const from = shared.refs().get(ref) as string;
  const record = makeRecord(entry, holder.claim(), done, '2026');
  const to = (more: object) =>
    commit(eve, {
      parents: [from],
      files: {
        'job.json': { id: shared.git('rev-parse', `${entry.commit}:job.json`) },
        'record.json': printFile({ ...record, ...change, ...more }),
      },
    });
  return { ref, from, to, entry };
}

test('a submitter ends what he has asked to stop, as stopped, and nothing else', async (context) => {
  const { shared, eve } = context;
  await submit(eve, 'new', [jobSpec('train')]);
  const { ref, from, to, entry } = await endOf(context);
  const stopped: RefUpdate = { ref, from, to: await to({ state: 'stopped' }) };
  assert.match(await judge(shared, [stopped], as('submitter')), /eve is no runner/);
  await accepted(shared, eve, create(name('stops/new/train'), await stopOf(eve, 'f'.repeat(40))));
  assert.match(await judge(shared, [stopped], as('submitter')), /eve is no runner/, 'of another entry');
  const stop = { ref: name('stops/new/train'), from: undefined, to: await stopOf(eve, entry.commit) };
  await accepted(shared, eve, stop);
  assert.is(await judge(shared, [stopped], as('submitter')), '');
  for (const state of ['done', 'failed', 'skipped', 'cached'])
    assert.match(
      await judge(shared, [{ ref, from, to: await to({ state }) }], as('submitter')),
      /is no runner/,
      state,
    );
});

test("who is only one of them is refused what is the other's", async ({ shared, eve }) => {
  const { updates, commit: run } = await submit(eve, 'new', [jobSpec('train')]);
  const more = await prepareRun(eve, runRequest(eve, 'more', [jobSpec('train')]));
  for (const update of more.updates)
    assert.match(await judge(shared, [update], as('runner')), /is no submitter/, update.ref);
  assert.match(await judge(shared, [create(name('tags/best'), run)], as('runner')), /is no submitter/);
  const stop = create(name('stops/new/train'), await stopOf(eve, 'q'));
  assert.match(await judge(shared, [stop], as('runner')), /is no submitter/);
  await claim(eve, await queued(eve, 'new'));
  const to = shared.refs().get(name('claims/new/train')) as string;
  shared.git('update-ref', '-d', name('claims/new/train'));
  for (const ref of ['claims/new/train', 'runners/gpu-1', `cache/${'a'.repeat(64)}`])
    assert.match(await judge(shared, [create(name(ref), to)], as('submitter')), /is no runner/, ref);
  assert.is(await judge(shared, [create(name('claims/new/train'), to)], as('runner')), '');
  const card = await commit(eve, { files: { 'runner.json': '{}' } });
  assert.match(await judge(shared, [create(name('runners/a'), card)], as('submitter')), /is no runner/);
  for (const role of roles.filter((one) => one !== 'admin'))
    assert.match(
      await judge(shared, [{ ref: name('runs/new'), from: undefined, to: null }], as(role)),
      /never changed/,
    );
  assert.ok(updates.length > 0);
});

test('outcomes that come from elsewhere come with their run, by both, as the end of leases', async (context) => {
  const { shared, eve } = context;
  await submit(eve, 'new', [jobSpec('train')]);
  const run = shared.refs().get(name('runs/new')) as string;
  const { ref, to } = await endOf(context);
  const end = await to({});
  const [claimed] = shared.git('rev-parse', `${end}^`).split('\n') as [string];
  for (const area of ['runs/new', 'queue/new/train', 'claims/new/train'])
    shared.git('update-ref', '-d', name(area));
  const both = [create(name('runs/new'), run), create(ref, end)];
  assert.is(await judge(shared, both, as('submitter', 'runner')), '');
  assert.match(await judge(shared, both, as('submitter')), /is no runner/);
  assert.match(await judge(shared, both, as('runner')), /is no submitter/);
  await refused(shared, /nobody has it/, create(ref, end));
  const files = {
    'job.json': { id: shared.git('rev-parse', `${end}:job.json`) },
    'record.json': { id: shared.git('rev-parse', `${end}:record.json`) },
  };
  const onEnd = await commit(eve, { parents: [end], files });
  await refused(shared, /goes on after its end/, create(name('runs/new'), run), create(ref, onEnd));
  const onTwo = await commit(eve, { parents: [end, claimed], files });
  await refused(shared, /not that of a claim/, create(name('runs/new'), run), create(ref, onTwo));
  const onCode = await commit(eve, { parents: [run], files });
  await refused(shared, /has no claim.json/, create(name('runs/new'), run), create(ref, onCode));
});

test('what has an outcome ends no second time, and what is there is not replaced', async (context) => {
  const { shared, eve } = context;
  await submit(eve, 'new', [jobSpec('train')]);
  const entry = await queued(eve, 'new');
  const holder = await claim(eve, entry);
  const finished = await finish(holder);
  await settle(eve, [finished]);
  const ref = name('claims/new/train');
  await refused(shared, /has an outcome already/, create(ref, finished.commit));
  await submit(eve, 'other', [jobSpec('train')]);
  const queue = name('queue/other/train');
  const inPlace = shared.refs().get(queue) as string;
  const twin = await commit(eve, {
    files: { 'job.json': { id: shared.git('rev-parse', `${inPlace}:job.json`) } },
    message: `${shared.git('log', '-1', '--format=%B', inPlace)}\n`,
  });
  await refused(shared, /has an entry/, { ref: queue, from: inPlace, to: twin });
});

test('runs without jobs or of two parents, and cards of others', async ({ shared, eve }) => {
  const message = (jobs: [string, string][]) =>
    printRunMessage({ run: 'odd', workflow: 'w', variables: {}, jobs: new Map(jobs), reason: null });
  await refused(shared, /has no jobs/, create(name('runs/odd'), await commit(eve, { message: message([]) })));
  const [a, b] = [await commit(eve, { message: 'a\n' }), await commit(eve, { message: 'b\n' })];
  const merged = await commit(eve, { parents: [a, b], message: message([['train', a]]) });
  await refused(shared, /one parent at most/, create(name('runs/odd'), merged));
  const many = Array.from({ length: 50_001 }, (_, number) => create(name(`tags/t${number}`), a));
  await refused(shared, /a push may have 50000/, ...many);
});

test.run();
