// What somebody who may push could try to do to others' jobs and results.
import { suite } from 'uvu';
import { type ClaimFile, printFile } from '../../src/ledger/formats.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { prepareRun } from '../../src/ledger/prepare-run.ts';
import { makeRecord } from '../../src/ledger/records.ts';
import { type Finished, settle } from '../../src/ledger/settle.ts';
import {
  chunk,
  claim,
  claimant,
  done,
  finish,
  jobSpec,
  participant,
  queued,
  runRequest,
  type Shared,
  scratchShared,
  submit,
} from '../ledger/support.ts';
import { accepted, commit, create, insider, name, type RawCommit, refused } from './guarded-repository.ts';

interface Context {
  shared: Shared;
  /** Of an honest runner and submitter. */
  ledger: Ledger;
  eve: Ledger;
  run: string;
  finished: Finished;
  /** What there is: id by ref. */
  tip(ref: string): string;
}
const test = suite<Context>('a guard refuses');

const key = 'c'.repeat(64);

/** A run `old` that has ended, and a run `new` that has not. */
test.before(async (context) => {
  context.shared = await scratchShared();
  context.ledger = await participant(context.shared.path, 'ann');
  context.eve = await insider(context.shared);
  const { ledger } = context;
  context.run = (
    await submit(ledger, 'old', [jobSpec('train')], {
      jobs: [{ spec: jobSpec('train'), cacheKey: key, useCache: true }],
    })
  ).commit;
  const holder = await claim(ledger, await queued(ledger, 'old'));
  await holder.renew({ chunks: [chunk('hello\n')] });
  context.finished = await finish(holder);
  await settle(ledger, [context.finished]);
  await submit(ledger, 'new', [jobSpec('train'), jobSpec('other')]);
  context.tip = (ref) => context.shared.git('rev-parse', ref);
});

test('that a record, a log or a run be overwritten or deleted', async ({ shared, eve, tip }) => {
  const note = 'refs/notes/dstack/old/train';
  for (const ref of [name('jobs/old/train'), note, name('runs/old')]) {
    const from = tip(ref);
    await refused(shared, /never changed/, { ref, from, to: null });
    await refused(shared, /never changed/, { ref, from, to: await commit(eve, { parents: [from] }) });
    await refused(shared, /never changed/, { ref, from: undefined, to: await commit(eve, {}) });
  }
  await refused(shared, /only an admin/, {
    ref: name(`cache/${key}`),
    from: tip(name(`cache/${key}`)),
    to: null,
  });
});

test('that a job of others be taken out of the queue, or replaced there', async ({
  shared,
  eve,
  ledger,
  tip,
}) => {
  const ref = name('queue/new/train');
  const from = tip(ref);
  await refused(shared, /the job has not ended/, { ref, from, to: null });
  const evil = await prepareRun(eve, runRequest(eve, 'new', [jobSpec('train', { commands: ['evil'] })]));
  const [entry, run] = evil.updates.map(({ to }) => to) as [string, string];
  await refused(shared, /does not list this job/, { ref, from, to: entry });
  // A run of the same name beside it will fail, and must not vouch for it before.
  await refused(shared, /does not list this job/, { ref, from, to: entry }, create(name('runs/new'), run));
  await refused(
    shared,
    /does not list this job/,
    create(name('queue/new/more'), await entryOf(ledger, eve, 'new', 'more', tip)),
  );
  await refused(shared, /it is the job new\/train/, create(name('queue/strange/train'), from));
});

/** An entry that claims to be of a run which doesn't know it. */
async function entryOf(ledger: Ledger, eve: Ledger, run: string, job: string, tip: Context['tip']) {
  const content = printFile({ format: 1, run, spec: jobSpec(job), useCache: true, cacheKey: null });
  const trailers = `Dstack-Format: 1\nDstack-Run-Commit: ${tip(ledger.names.run(run))}\n`;
  return commit(eve, { files: { 'job.json': content }, message: `x\n\n${trailers}` });
}

test('claims that are no step from the one that is there', async ({ shared, eve, ledger, tip }) => {
  const ref = name('claims/new/train');
  const entry = await queued(ledger, 'new');
  const holder = await claim(ledger, entry);
  await holder.renew({ state: 'running', chunks: [chunk('one\n'), chunk('two\n')] });
  const from = tip(ref);
  const file = holder.claim();
  const log = shared.git('rev-parse', `${from}:log`);
  const next = (change: Partial<ClaimFile>, more: RawCommit = {}) =>
    commit(eve, {
      parents: [from],
      ...more,
      files: {
        log: { id: log, mode: '040000' },
        'claim.json': printFile({ ...file, nonce: 'n', ...change }),
        ...more.files,
      },
    });
  const wrong: [RegExp, Partial<ClaimFile>, RawCommit?][] = [
    [/it is gpu-1's/, { instance: 'another' }],
    [/it is gpu-1's/, { runner: 'another' }],
    [/counted one by one/, { attempt: 7 }],
    [/miscounts the runners/, { attempt: 2, state: 'claimed' }],
    [/begins as claimed/, { attempt: 2, lost: 1 }],
    [/may not change what/, { queue: 'f'.repeat(40) }],
    [/may not change what/, { claimedAt: '2020' }],
    [/of the job old\/train/, { run: 'old' }],
    [/of the job new\/other/, { job: 'other' }],
    [/damaged: nonce/, { nonce: 'n'.repeat(100) }],
    [/has format 2/, { format: 2 as 1 }],
    [/not built on the claim/, {}, { parents: [] }],
    [
      /not built on the claim/,
      {},
      { parents: [await commit(eve, { message: 'hidden', files: { big: 'x' } })] },
    ],
    [/which nothing reads/, {}, { files: { evil: 'x' } }],
    [/no plain file/, {}, { files: { 'artifacts.json/x': 'x' } }],
    [/no piece of one/, {}, { files: { 'log/evil': 'x' } }],
    [/no piece of one/, {}, { files: { 'log/00/00/zz': 'x' } }],
    [/has a piece twice/, {}, { files: { 'log/00/00/00.5': 'x' } }],
    [/has \d+ bytes, and may have/, {}, { files: { 'log/00/00/02.5': 'x'.repeat(3 << 20) } }],
    [/has \d+ bytes, and may have/, { detail: 'x'.repeat(300_000) }],
    [/damaged: detail/, { detail: 'x'.repeat(30_000) }],
  ];
  for (const [words, change, more] of wrong)
    await refused(shared, words, { ref, from, to: await next(change, more) });
  const shorter = await commit(eve, {
    parents: [from],
    files: { 'claim.json': printFile({ ...file, nonce: 'n' }) },
  });
  await refused(shared, /part of its log is gone/, { ref, from, to: shorter });
  await refused(shared, /part of its log is gone/, {
    ref,
    from,
    to: await next(
      {},
      {
        files: {
          [`log/00/00/${shared.git('ls-tree', '--name-only', `${from}:log/00/00`).split('\n')[0]}`]:
            'changed',
        },
      },
    ),
  });
  await accepted(shared, eve, { ref, from, to: await next({}) });
  const heir = await claim(ledger, entry, claimant('gpu-2'), { commit: tip(ref), claim: file });
  await refused(shared, /would be forgotten/, { ref, from: tip(ref), to: null });
  await heir.withdraw();
});

test('claims on what nobody has submitted, and that begin in the middle', async ({
  shared,
  eve,
  ledger,
  tip,
}) => {
  const entry = await queued(ledger, 'new', 'other');
  const file = {
    format: 1,
    run: 'new',
    job: 'other',
    ...claimant(),
    nonce: 'n',
    attempt: 1,
    lost: 0,
    queue: entry.commit,
    state: 'claimed',
    detail: null,
    claimedAt: '2026',
    startedAt: null,
    artifacts: null,
  };
  const made = (change: object, more: RawCommit = {}) =>
    commit(eve, { ...more, files: { 'claim.json': printFile({ ...file, ...change }), ...more.files } });
  await refused(
    shared,
    /there is no such job/,
    create(name('claims/unheard/of'), await made({ run: 'unheard', job: 'of' })),
  );
  const ref = name('claims/new/other');
  await refused(shared, /begins as claimed/, create(ref, await made({ attempt: 3 })));
  await refused(shared, /begins as claimed/, create(ref, await made({ state: 'running' })));
  await refused(
    shared,
    /without a history/,
    create(ref, await made({}, { parents: [tip(name('runs/new'))] })),
  );
  await refused(
    shared,
    /is a blob, not a commit/,
    create(ref, shared.git('rev-parse', `${entry.commit}:job.json`)),
  );
});

test('outcomes of what was not executed, or of another run', async ({
  shared,
  eve,
  ledger,
  finished,
  tip,
}) => {
  const ref = name('claims/new/other');
  const entry = await queued(ledger, 'new', 'other');
  const holder = await claim(eve, entry);
  const from = tip(ref);
  const job = (id: string) => ({ id: shared.git('rev-parse', `${id}:job.json`) });
  const record = makeRecord(entry, holder.claim(), done, '2026');
  const end = (change: object, more: RawCommit = {}) =>
    commit(eve, {
      parents: [from],
      ...more,
      files: {
        'job.json': job(entry.commit),
        'record.json': printFile({ ...record, ...change }),
        ...more.files,
      },
    });
  const wrong: [RegExp, object, RawCommit?][] = [
    [/does not list this job.json/, {}, { files: { 'job.json': job(tip(name('queue/new/train'))) } }],
    [/does not list this job.json/, {}, { files: { 'job.json': printFile({ format: 1 }) } }],
    [/of another run/, { runCommit: tip(name('runs/old')) }],
    [/of the job old\/train/, { run: 'old', job: 'train' }],
    [/of another queue entry/, { queue: 'a'.repeat(40) }],
    [/in attempt 1/, { attempt: 2 }],
    [/in attempt 1/, { runner: 'another' }],
    [/damaged: state/, { state: 'perfect' }],
    [/which nothing reads/, {}, { files: { 'claim.json': 'x' } }],
    [/has \d+ bytes, and may have/, {}, { files: { 'log-tail': 'x'.repeat(200_000) } }],
    [/lost its history/, {}, { parents: [] }],
  ];
  for (const [words, change, more] of wrong)
    await refused(shared, words, { ref, from, to: await end(change, more) });
  await refused(shared, /not what its claim has ended with/, create(name('jobs/new/other'), await end({})));
  await refused(shared, /has not ended/, create(name('jobs/new/other'), from));
  await refused(shared, /not what its claim has ended with/, create(name('jobs/new/train'), finished.commit));

  await accepted(shared, eve, { ref, from, to: await end({}) });
  const ended = tip(ref);
  await refused(shared, /stays as it is/, { ref, from: ended, to: from });
  await refused(shared, /stays as it is/, {
    ref,
    from: ended,
    to: await end({ reason: 'another' }, { parents: [ended] }),
  });
  await refused(shared, /rests nowhere else/, { ref, from: ended, to: null });
  const outcome = create(name('jobs/new/other'), ended);
  await refused(shared, /rests nowhere else/, outcome, { ref, from: ended, to: null });
  await accepted(shared, eve, outcome);
  await accepted(shared, eve, { ref, from: ended, to: null });
});

test('notes on other commits, and of what has not ended', async ({ shared, eve, tip }) => {
  const note = async (on: string, files: RawCommit['files'] = {}, more: RawCommit = {}) =>
    commit(eve, { files: { [on]: 'log\n', ...files }, ...more });
  const [old, fresh] = [tip(name('runs/old')), tip(name('runs/new'))];
  const ref = 'refs/notes/dstack/old/more';
  await refused(shared, /its job has not ended/, create(ref, await note(old)));
  await refused(shared, /no note on the run old alone/, create(ref, await note(fresh)));
  await refused(shared, /no note on the run old alone/, create(ref, await note(old, { [fresh]: 'x' })));
  await refused(shared, /there is no such run/, create('refs/notes/dstack/none/train', await note(old)));
  await refused(
    shared,
    /has a history/,
    create('refs/notes/dstack/new/other', await note(fresh, {}, { parents: [old] })),
  );
  await refused(
    shared,
    /bytes, and may have/,
    create('refs/notes/dstack/new/other', await note(fresh, { [fresh]: 'x'.repeat(9 << 20) })),
  );
});

test('cache entries that are no results, and tags on what is no run', async ({
  shared,
  eve,
  finished,
  tip,
}) => {
  const other = name(`cache/${'d'.repeat(64)}`);
  await refused(shared, /no result of this key/, create(other, finished.commit));
  const record = shared.git('show', `${finished.commit}:record.json`);
  const job = shared.git('show', `${finished.commit}:job.json`);
  const forged = await commit(eve, {
    files: {
      'job.json': job.replace(key, 'd'.repeat(64)),
      'record.json': record.replace(key, 'd'.repeat(64)),
    },
  });
  await refused(shared, /outcome of no job/, create(other, forged));
  await refused(shared, /is no key/, create(name('cache/abc'), finished.commit));
  await refused(shared, /on no run/, create(name('tags/best'), finished.commit));
  await refused(
    shared,
    /on no run/,
    create(name('tags/best'), await commit(eve, { parents: [tip(name('runs/old'))] })),
  );
});

test('runs under another name than their own, and other files than theirs', async ({
  shared,
  eve,
  run,
  tip,
}) => {
  await refused(shared, /it is the run old/, create(name('runs/copy'), run));
  await refused(shared, /not that of a run/, create(name('runs/copy'), await commit(eve, {})));
  await refused(
    shared,
    /it is the job new\/train/,
    create(name('queue/copy/train'), tip(name('queue/new/train'))),
  );
  const card = await commit(eve, { files: { 'runner.json': '{"format":1}' } });
  await refused(shared, /damaged/, create(name('runners/gpu-1'), card));
  const stop = await commit(eve, { files: { 'stop.json': 'x'.repeat(1 << 20) } });
  await refused(shared, /bytes, and may have/, create(name('stops/new/train'), stop));
});

test('that pushes which were dealt with start runs again', async ({ shared, eve, tip }) => {
  const ref = name('triggers/seen');
  const seen = { format: 1, nonce: 'n', refs: {}, pending: [], schedules: null };
  const made = (change: object) => commit(eve, { files: { 'seen.json': printFile({ ...seen, ...change }) } });
  await accepted(shared, eve, create(ref, await made({})));
  await refused(shared, /only an admin/, { ref, from: tip(ref), to: null });
  await refused(shared, /damaged/, { ref, from: tip(ref), to: await made({ pending: [{}] }) });
  await refused(shared, /no ref of dstack/, create(name('triggers/other'), await made({})));
});

test('names that are none, and refs by which others are shown', async ({ shared, eve, run }) => {
  for (const ref of ['x', 'runs', 'runs/UPPER', 'runs/a/b', 'claims/a', 'claims/a/b/c', 'odd/a']) {
    await refused(shared, /no ref of dstack/, create(name(ref), run));
  }
  const long = name(`runs/${'a'.repeat(65)}`);
  for (const ref of [long, 'refs/notes/dstack', `refs/replace/${run}`, 'refs/remotes/refs/dstack/runs/HEAD'])
    await refused(shared, /no ref of dstack/, create(ref, run));
  // What is of no concern to it passes.
  await accepted(shared, eve, create('refs/heads/main', run), create('refs/dstackish/x', run));
});

test('a push of which any part is wrong, as a whole', async ({ shared, eve }) => {
  const fine = await prepareRun(eve, runRequest(eve, 'fine', [jobSpec('train')]));
  await refused(shared, /no ref of dstack/, ...fine.updates, create(name('x'), fine.commit));
  await accepted(shared, eve, ...fine.updates);
});

test('stand-ins that bring more than what they stand for', async ({ shared, eve, run, tip }) => {
  const ref = name('stops/new/train');
  const holds = (id: string) =>
    `holds ${id}\n\nDstack-Format: 1\nDstack-Holds: ${id === 'nothing any more' ? 'nothing' : id}\n`;
  const smuggled = await commit(eve, { message: holds('nothing any more'), files: { evil: 'x' } });
  await refused(shared, /files of its own/, create(ref, smuggled));
  const history = await commit(eve, { message: holds('nothing any more'), parents: [run] });
  await refused(shared, /brings others/, create(ref, history));
  const queue = name('queue/new/train');
  const tombstone = await commit(eve, { message: holds('nothing any more'), parents: [tip(queue)] });
  await refused(shared, /the job has not ended/, { ref: queue, from: tip(queue), to: tombstone });
});

test.after(({ eve }) => eve.close());

test.run();
