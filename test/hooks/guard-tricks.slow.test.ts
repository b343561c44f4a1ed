// Pushes that would have the guard look at something else than what others will read, or look for ever.
import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { printFile } from '../../src/ledger/formats.ts';
import { rolesOf } from '../../src/ledger/guard/roles.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { prepareRun } from '../../src/ledger/prepare-run.ts';
import { makeRecord } from '../../src/ledger/records.ts';
import {
  claim,
  done,
  jobSpec,
  participant,
  queued,
  runRequest,
  type Shared,
  scratchShared,
  submit,
} from '../ledger/support.ts';
import { accepted, commit, create, insider, judge, name, refused } from './guarded-repository.ts';

interface Context {
  shared: Shared;
  ledger: Ledger;
  /** What she writes is there at once, as what is pushed is for the hook. */
  eve: Ledger;
}
const test = suite<Context>('a guard is not tricked');

test.before.each(async (context) => {
  context.shared = await scratchShared();
  context.ledger = await participant(context.shared.path, 'ann');
  context.eve = await insider(context.shared);
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

test("by a branch whose name is that of a ref of dstack's", async (context) => {
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

test("by refs of which Git would show dstack's own", async ({ shared, ledger }) => {
  const run = shared.refs().get(name('runs/new')) as string;
  for (const place of ['refs', 'refs/heads', 'refs/tags', 'refs/remotes']) {
    await refused(shared, /no ref of dstack/, create(`${place}/${name('runs')}`, run));
    await refused(shared, /no ref of dstack/, create(`${place}/${name('jobs/new/train')}`, run));
  }
  // As far up as it takes the place of the history.
  await refused(shared, /no ref of dstack/, create('refs/remotes/refs', run));
  await accepted(shared, ledger, create('refs/heads/refs/dstackish', run));
});

test('by an update that fails, and vouches for others until then', async (context) => {
  const { shared, eve } = context;
  const run = await prepareRun(eve, runRequest(eve, 'fake', [jobSpec('train')]));
  const [to] = run.updates.filter(({ ref }) => ref === name('runs/fake')).map((update) => update.to);
  await refused(shared, /does not point at what it is said to/, {
    ref: name('runs/fake'),
    from: 'e'.repeat(40),
    to: to as string,
  });
  await refused(shared, /stands twice/, ...run.updates, create(name('runs/fake'), run.commit));
  await accepted(shared, eve, ...run.updates);
});

test('by results under a key that nobody has submitted', async (context) => {
  const { shared, eve } = context;
  const entry = await queued(eve, 'new', 'other');
  const holder = await claim(eve, entry);
  const key = 'd'.repeat(64);
  const record = makeRecord(entry, holder.claim(), done, '2026');
  const ref = name('claims/new/other');
  const from = shared.refs().get(ref) as string;
  const end = await commit(eve, {
    parents: [from],
    files: {
      'job.json': { id: shared.git('rev-parse', `${entry.commit}:job.json`) },
      'record.json': printFile({ ...record, cacheKey: key }),
    },
  });
  await accepted(shared, eve, { ref, from, to: end });
  await refused(shared, /no result of this key/, create(name(`cache/${key}`), end));
});

test('into waiting for ever for a runner, or dealing with pushes without end', async ({ shared, eve }) => {
  const holder = await claim(eve, await queued(eve, 'new'));
  const ref = name('claims/new/train');
  const to = await commit(eve, {
    files: { 'claim.json': printFile({ ...holder.claim(), nonce: 'n', lease: 1e12 }) },
  });
  await refused(shared, /lease is longer/, { ref, from: shared.refs().get(ref), to });
  const push = { ref: 'refs/heads/main', from: null, to, first: false, seenAt: '2026-01-01T00:00:00.000Z' };
  const seen = { format: 1, nonce: 'n', refs: {}, pending: Array(101).fill(push), schedules: null };
  await refused(
    shared,
    /101 pushes pending/,
    create(name('triggers/seen'), await commit(eve, { files: { 'seen.json': printFile(seen) } })),
  );
});

test('by names that are the same where the file system knows no case', async ({ shared }) => {
  const run = shared.refs().get(name('runs/new')) as string;
  for (const ref of ['refs/DSTACK/runs/new', 'refs/Notes/dstack/new/train', 'refs/REPLACE/x']) {
    assert.match(await judge(shared, [create(ref, run)], undefined, true), /no ref of dstack/);
    assert.is(await judge(shared, [create(ref, run)]), '');
  }
  assert.is(await judge(shared, [create('refs/heads/MAIN', run)], undefined, true), '');
});

test('by stand-ins of what is missing, and notes of those who are nobody', async ({ shared, eve }) => {
  const missing = 'e'.repeat(40);
  const tree = execFileSync('git', ['hash-object', '-t', 'tree', '/dev/null'], { encoding: 'utf8' }).trim();
  const who = 'Eve <eve@example.org> 1764021600 +0000';
  const text = `tree ${tree}\nparent ${missing}\nauthor ${who}\ncommitter ${who}\n\nholds ${missing}\n\nDstack-Format: 1\nDstack-Holds: ${missing}\n`;
  const standIn = execFileSync('git', ['hash-object', '-w', '-t', 'commit', '--literally', '--stdin'], {
    cwd: shared.path,
    input: text,
    encoding: 'utf8',
  }).trim();
  await refused(shared, /what it points at is missing/, create(name('stops/new/train'), standIn));
  const note = create('refs/notes/dstack/probe-x/a', await commit(eve, {}));
  assert.is(await judge(shared, [note]), '');
  assert.match(
    await judge(shared, [note], { user: 'eve', roles: new Set() }),
    /eve is no submitter or runner/,
  );
});

test('into looking at millions of files that are one and the same', async ({ shared, eve }) => {
  const holder = await claim(eve, await queued(eve, 'new'));
  const ref = name('claims/new/train');
  const from = shared.refs().get(ref) as string;
  const write = (type: string, input: Buffer | string) =>
    execFileSync('git', ['hash-object', '-w', '-t', type, '--stdin'], { cwd: shared.path, input })
      .toString()
      .trim();
  const numbers = Array.from({ length: 256 }, (_, number) => number.toString(16).padStart(2, '0'));
  const folder = (mode: string, end: string, id: string) =>
    write(
      'tree',
      Buffer.concat(
        numbers.flatMap((number) => [Buffer.from(`${mode} ${number}${end}\0`), Buffer.from(id, 'hex')]),
      ),
    );
  const log = folder('40000', '', folder('40000', '', folder('100644', '.1', write('blob', ''))));
  const to = await commit(eve, {
    files: {
      log: { id: log, mode: '040000' },
      'claim.json': printFile({ ...holder.claim(), nonce: 'n' }),
    },
  });
  await refused(shared, /push less at a time/, { ref, from, to });
});

test.run();
