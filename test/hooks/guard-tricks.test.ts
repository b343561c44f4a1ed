// Pushes that would have the guard look at something else than what others will read, or look for ever.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRepository } from '../../src/git/repository.ts';
import { printFile } from '../../src/ledger/formats.ts';
import { rolesOf } from '../../src/ledger/guard/roles.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { makeRecord } from '../../src/ledger/records.ts';
import {
  claim,
  done,
  jobSpec,
  participant,
  queued,
  type Shared,
  scratchShared,
  submit,
} from '../ledger/support.ts';
import { accepted, commit, judge, refused } from './guarded-repository.ts';

interface Context {
  shared: Shared;
  ledger: Ledger;
  /** What she writes is there at once, as what is pushed is for the hook. */
  eve: Ledger;
}
const test = suite<Context>('a guard is not tricked');
const name = (area: string) => `refs/dstack/${area}`;
const create = (ref: string, to: string) => ({ ref, from: null, to });

test.before.each(async (context) => {
  context.shared = await scratchShared();
  context.ledger = await participant(context.shared.path, 'ann');
  context.eve = await openLedger({
    local: await openRepository(context.shared.path),
    remote: context.shared.path,
    who: { name: 'eve', email: 'eve@example.org' },
  });
  await submit(context.ledger, 'new', [jobSpec('train'), jobSpec('other')]);
});
test.after.each(({ eve }) => eve.close());

/** The end of a job that was never executed: as what `change` makes of it. */
async function forgedEnd({ shared, eve }: Context, change: object = {}, parents: string[] = []) {
  const entry = await queued(eve, 'new', 'other');
  const holder = await claim(eve, entry);
  const record = makeRecord(entry, holder.claim(), done, '2026');
  if (parents.length === 0) await holder.withdraw();
  return commit(eve, {
    parents,
    files: {
      'job.json': { id: shared.git('rev-parse', `${entry.commit}:job.json`) },
      'record.json': printFile({ ...record, ...change }),
    },
  });
}

test('by a branch whose name is that of a ref of dstack’s', async (context) => {
  const { shared, ledger } = context;
  const end = await forgedEnd(context);
  for (const kind of ['heads', 'tags', 'remotes']) {
    // It could be there since before the guard was.
    shared.git('update-ref', `refs/${kind}/${name('claims/new/other')}`, end);
    await refused(shared, /not what its claim has ended with/, create(name('jobs/new/other'), end));
    shared.git('update-ref', `refs/${kind}/${name('jobs/new/train')}`, end);
    const queue = name('queue/new/train');
    await refused(shared, /has not ended/, { ref: queue, from: shared.refs().get(queue), to: null });
  }
  const stop = name('stops/new/train');
  const request = { format: 1, run: 'new', job: 'train', queue: 'q', abort: true, by: 'eve', nonce: 'n' };
  shared.git(
    'update-ref',
    `refs/heads/${stop}`,
    await commit(context.eve, { files: { 'stop.json': printFile(request) } }),
  );
  await claim(ledger, await queued(ledger, 'new'));
  const ref = name('claims/new/train');
  const from = shared.refs().get(ref) as string;
  const submitter = { user: 'eve', roles: rolesOf('eve', { submitter: [], runner: ['gpu'], admin: [] }) };
  assert.match(await judge(shared, [{ ref, from, to: null }], submitter), /eve is no runner here/);
  await accepted(shared, context.eve, { ref, from, to: null });
});

test('by refs of which Git would show dstack’s own', async ({ shared, ledger }) => {
  const run = shared.refs().get(name('runs/new')) as string;
  for (const place of ['refs', 'refs/heads', 'refs/tags', 'refs/remotes']) {
    await refused(shared, /no ref of dstack/, create(`${place}/${name('runs')}`, run));
    await refused(shared, /no ref of dstack/, create(`${place}/${name('jobs/new/train')}`, run));
  }
  // As far up as it takes the place of the history.
  await refused(shared, /no ref of dstack/, create('refs/remotes/refs', run));
  await accepted(shared, ledger, create('refs/heads/refs/dstackish', run));
});

test.run();
