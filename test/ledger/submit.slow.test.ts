import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DstackError } from '../../src/errors.ts';
import { parseCommit } from '../../src/git/object-reader.ts';
import { discoverRepository, openRepository } from '../../src/git/repository.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { openLiveReader } from '../../src/ledger/live.ts';
import { prepareRun } from '../../src/ledger/prepare-run.ts';
import { parseRunMessage } from '../../src/ledger/run-message.ts';
import { submitRun } from '../../src/ledger/submit.ts';
import { scratchProject, userState } from '../git/scratch-repository.ts';
import {
  claim,
  dependsOn,
  jobSpec,
  loseNextReply,
  participant,
  queued,
  refuseNextPush,
  runRequest,
  type Shared,
  scratchLedger,
  scratchShared,
  submit,
} from './support.ts';

const jobs = [jobSpec('prepare'), jobSpec('train', dependsOn('prepare'))];

async function refusal(act: Promise<unknown>): Promise<DstackError> {
  try {
    await act;
  } catch (error) {
    if (error instanceof DstackError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

test('a run is its commit and one queue entry per job', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1', jobs);
  assert.equal(
    [...shared.refs().keys()],
    ['refs/dstack/queue/run-1/prepare', 'refs/dstack/queue/run-1/train', 'refs/dstack/runs/run-1'],
  );
  const entry = shared.git('cat-file', 'commit', 'refs/dstack/queue/run-1/train');
  assert.not.match(entry, /^parent/m);
  assert.is(shared.git('ls-tree', '-r', '--name-only', 'refs/dstack/queue/run-1/train'), 'job.json');
});

test('the run commit lists the blob id of every job.json, its message is for people', async () => {
  const { shared, ledger } = await scratchLedger();
  const { commit } = await submit(ledger, 'run-1', jobs, {
    overrides: { lr: '0.1', note: 'two words' },
    reason: 'Try a\nlower rate.\n\nDstack-Run: forged',
  });
  const message = shared.git('show', '-s', '--format=%B', commit);
  assert.ok(message.startsWith('run-1: train --lr 0.1 --note "two words"\n\nTry a\nlower rate.\n'));
  const parsed = parseRunMessage(message);
  assert.is(parsed?.run, 'run-1');
  assert.is(parsed?.workflow, 'train');
  assert.is(parsed?.reason, 'Try a\nlower rate.\n\nDstack-Run: forged');
  assert.equal(parsed?.variables, { lr: '0.1', note: 'two words' });
  assert.equal([...(parsed?.jobs.keys() ?? [])], ['prepare', 'train']);
  for (const job of ['prepare', 'train']) {
    const entry = await queued(ledger, 'run-1', job);
    assert.is(parsed?.jobs.get(job), entry.blob);
    assert.is(entry.runCommit, commit);
    assert.equal(
      entry.job.spec,
      jobs.find(({ name }) => name === job),
    );
  }
});

test('any variables and any reason come back from the commit as they were', async () => {
  const { ledger } = await scratchLedger();
  const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((value) => !value.includes('\0'));
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), text), async (overrides) => {
      count += 1;
      const request = runRequest(ledger, `run-${count}`, jobs, { overrides: { ...overrides } });
      const { commit } = await prepareRun(ledger, request);
      const object = await ledger.shared.read(commit);
      const parsed = parseRunMessage(parseCommit(object?.content ?? Buffer.alloc(0)).message);
      assert.equal(parsed?.variables, { ...overrides });
      assert.is(parsed?.jobs.size, 2);
    }),
    // Git takes the first two for broken UTF-8; the third ends a line to regular expressions.
    { numRuns: 8, examples: [[{ a: '\ufffe' }], [{ a: '\u{10fffe}' }], [{ a: '\u2028' }]] },
  );
});

test('a message that is not ours, or of a newer version, is none', () => {
  const trailers = (format: string) => `x\n\nDstack-Format: ${format}\nDstack-Run: r\nDstack-Workflow: w\n`;
  assert.ok(parseRunMessage(trailers('1')));
  assert.is(parseRunMessage(trailers('2')), null);
  assert.is(parseRunMessage('Fix the build\n'), null);
  assert.is(parseRunMessage(''), null);
  const hostile = `${trailers('1')}Dstack-Variables: [nonsense\nDstack-Job: ../../x ${'a'.repeat(40)}\nDstack-Job: y --all\n`;
  assert.equal(parseRunMessage(hostile)?.variables, {});
  assert.is(parseRunMessage(hostile)?.jobs.size, 0);
});

test('a name that is taken is refused and nothing is changed', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const before = shared.refs();
  const other = await participant(shared.path);
  const again = await prepareRun(other, runRequest(other, 'run-1', jobs));
  assert.is(await submitRun(other, again), 'taken');
  assert.equal(shared.refs(), before);
});

test('a name is taken, too, where only a queue entry of another is there', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  shared.git('update-ref', '-d', 'refs/dstack/runs/run-1');
  const before = shared.refs();
  const other = await participant(shared.path);
  assert.is(await submitRun(other, await prepareRun(other, runRequest(other, 'run-1', jobs))), 'taken');
  assert.equal(shared.refs(), before);
});

test('of two that submit under one name at once one is taken', async () => {
  const shared = await scratchShared();
  const both = await Promise.all([1, 2].map(() => participant(shared.path)));
  const prepared = await Promise.all(
    both.map((ledger, index) =>
      prepareRun(ledger, runRequest(ledger, 'run-1', jobs, { reason: `number ${index}` })),
    ),
  );
  const results = await Promise.all(both.map((ledger, index) => submitRun(ledger, prepared[index]!)));
  assert.equal(results.sort(), ['submitted', 'taken']);
  assert.is(shared.refs().size, 3);
});

test('a submission that was applied without an answer is submitted', async () => {
  const { shared, ledger } = await scratchLedger();
  loseNextReply(shared);
  const { commit } = await submit(ledger, 'run-1', jobs);
  assert.is(shared.marked('lose-reply'), false);
  assert.is(shared.refs().get('refs/dstack/runs/run-1'), commit);
});

test('a submission that was not applied is tried again', async () => {
  const { shared, ledger } = await scratchLedger();
  refuseNextPush(shared);
  await submit(ledger, 'run-1', jobs);
  assert.is(shared.marked('refuse'), false);
  assert.is(shared.refs().size, 3);
});

test('where a push can not be atomic the run comes last, and what a failure left of it is completed', async () => {
  const { shared, ledger } = await scratchLedger();
  shared.git('config', 'receive.advertiseAtomic', 'false');
  // The first try is cut off before the run's ref.
  shared.mark('cut');
  shared.hook(
    'update',
    'echo "$1" >>order; case $1 in */runs/*) rm cut 2>/dev/null && kill -9 $PPID;; esac; exit 0',
  );
  await submit(ledger, 'run-1', jobs);
  const order = readFileSync(join(shared.path, 'order'), 'utf8').trim().split('\n');
  const runRef = 'refs/dstack/runs/run-1';
  assert.is(order[2], runRef);
  assert.is(order.at(-1), runRef);
  assert.is(shared.refs().size, 3);
});

/** A server that keeps the run ref of the next push, and of this job's queue entry what `command` makes of it. */
function keepInPart(shared: Shared, command: string): void {
  shared.mark('keep-in-part');
  shared.hook(
    'reference-transaction',
    `[ "$1" = committed ] && rm keep-in-part 2>/dev/null || exit 0
    ${command} && kill -9 $PPID`,
  );
}

test('a run that is there without some of its queue entries is completed', async () => {
  const { shared, ledger } = await scratchLedger();
  keepInPart(shared, 'git update-ref -d refs/dstack/queue/run-1/train');
  const { commit } = await submit(ledger, 'run-1', jobs);
  assert.is(shared.marked('keep-in-part'), false);
  assert.is((await queued(ledger, 'run-1', 'train')).runCommit, commit);
  assert.is(shared.refs().size, 3);
});

test("another's entry under a run's name is replaced, whoever has claimed it meanwhile", async () => {
  for (const claimed of [false, true]) {
    const { shared, ledger } = await scratchLedger();
    const other = await participant(shared.path);
    const foreign = await prepareRun(other, runRequest(other, 'run-1', jobs, { reason: 'another' }));
    const entry = foreign.updates[1] as (typeof foreign.updates)[number];
    await other.shared.push([entry]);
    if (claimed) await claim(other, await queued(other, 'run-1', 'train'));
    shared.git('update-ref', 'refs/aside', entry.to);
    shared.git('update-ref', '-d', entry.ref);
    keepInPart(shared, `git update-ref ${entry.ref} ${entry.to}`);
    const { commit } = await submit(ledger, 'run-1', jobs);
    assert.is(shared.marked('keep-in-part'), false);
    assert.is((await queued(ledger, 'run-1', 'train')).runCommit, commit);
  }
});

test('a job that has ended before its submission is known is not brought back', async () => {
  const { shared, ledger } = await scratchLedger();
  shared.mark('lose-reply');
  const [queue, rest] = ['refs/dstack/queue/run-1/prepare', 'refs/dstack/jobs/run-1/prepare'];
  shared.hook(
    'reference-transaction',
    `[ "$1" = committed ] && rm lose-reply 2>/dev/null || exit 0
    git update-ref ${rest} ${queue} && git update-ref -d ${queue} && kill -9 $PPID`,
  );
  await submit(ledger, 'run-1', jobs);
  assert.is(shared.marked('lose-reply'), false);
  assert.equal([...shared.refs().keys()], [rest, 'refs/dstack/queue/run-1/train', 'refs/dstack/runs/run-1']);
});

test('a run that can not be completed is not called submitted', async () => {
  const { shared, ledger } = await scratchLedger();
  const prepared = await prepareRun(ledger, runRequest(ledger, 'run-1', jobs));
  keepInPart(shared, 'touch kept && git update-ref -d refs/dstack/queue/run-1/train');
  shared.hook('update', '[ -e kept ] && exit 1; exit 0');
  const hasty = { ...ledger, clock: { ...ledger.clock, sleep: async () => {} } };
  const error = await refusal(submitRun(hasty, prepared));
  assert.match(error.message, /^run-1 was submitted only in part /);
  assert.match(error.hint ?? '', /dstack stop run-1/);
});

test('of a push that was refused in part nothing is left', async () => {
  const { shared, ledger } = await scratchLedger();
  shared.git('config', 'receive.advertiseAtomic', 'false');
  shared.hook(
    'update',
    'case $1 in */runs/*) [ $3 != 0000000000000000000000000000000000000000 ] && exit 1;; esac; exit 0',
  );
  const error = await refusal(submit(ledger, 'run-1', jobs));
  assert.is(error.code, 'refused-by-hook');
  assert.is(shared.refs().size, 0);
});

test('an entry for a job that the owner of the name does not have is not left among his', async () => {
  const { shared, ledger } = await scratchLedger();
  shared.git('config', 'receive.advertiseAtomic', 'false');
  await submit(ledger, 'run-1', [jobSpec('train')]);
  const before = shared.refs();
  const other = await participant(shared.path);
  assert.is(await submitRun(other, await prepareRun(other, runRequest(other, 'run-1', jobs))), 'taken');
  assert.equal(shared.refs(), before);
});

test("a hook's refusal is told in its own words", async () => {
  const { shared, ledger } = await scratchLedger();
  shared.hook('pre-receive', 'echo "Pushes are closed until Monday." >&2; exit 1');
  const error = await refusal(submit(ledger, 'run-1'));
  assert.is(error.code, 'refused-by-hook');
  assert.match(error.message, /^nothing was submitted: .*Pushes are closed until Monday\./);
  assert.is(shared.refs().size, 0);
});

test('a repository that is gone leaves open whether the run was submitted, and says so', async () => {
  const { shared, ledger } = await scratchLedger();
  const prepared = await prepareRun(ledger, runRequest(ledger, 'run-1', jobs));
  shared.hook(
    'reference-transaction',
    `[ "$1" = committed ] && mv "${shared.path}" "${shared.path}.away" && kill -9 $PPID; exit 0`,
  );
  const error = await refusal(submitRun(ledger, prepared));
  assert.match(error.message, /^it is not known whether run-1 was submitted: /);
  assert.match(error.hint ?? '', /dstack status run-1/);
});

test('notes that are in the way are refused before anything is pushed', async () => {
  const { shared, ledger } = await scratchLedger();
  const prepared = await prepareRun(ledger, runRequest(ledger, 'run-1', jobs));
  await ledger.shared.push([{ ref: 'refs/notes/dstack', from: null, to: prepared.commit }]);
  const error = await refusal(submitRun(ledger, prepared));
  assert.is(error.code, 'notes-ref-in-the-way');
  assert.match(error.hint ?? '', /git update-ref refs\/notes\/dstack-old refs\/notes\/dstack/);
  assert.is(shared.refs().size, 1);
});

test('nothing of the user is touched', async () => {
  const shared = await scratchShared();
  const project = scratchProject();
  project.write('untracked.txt', 'x');
  const local = await discoverRepository(project.path);
  const ledger = await openLedger({ local, remote: shared.path });
  const [tree, parent] = ['HEAD^{tree}', 'HEAD'].map((name) => project.git('rev-parse', name));
  // The scratch repository that objects are written through is made once.
  await prepareRun(ledger, runRequest(ledger, 'run-0', jobs, { tree, parent }));
  const before = userState(project);
  const prepared = await prepareRun(ledger, runRequest(ledger, 'run-1', jobs, { tree, parent }));
  assert.is(await submitRun(ledger, prepared), 'submitted');
  assert.equal(userState(project), before);
  assert.is(shared.git('rev-parse', 'refs/dstack/runs/run-1^'), parent);
  ledger.close();
});

test('a queue entry counts only under its own name', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1', jobs);
  const entry = shared.refs().get('refs/dstack/queue/run-1/train') as string;
  shared.git('update-ref', 'refs/dstack/queue/run-2/train', entry);
  const live = await openLiveReader(ledger).look();
  assert.equal([...live.queue.keys()], ['run-1/prepare', 'run-1/train']);
  assert.match(live.problems.get('refs/dstack/queue/run-2/train') ?? '', /it is the job run-1\/train/);
  assert.ok(await openRepository(shared.path));
});

test.run();
