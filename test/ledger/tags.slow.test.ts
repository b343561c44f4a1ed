import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { listTags, resolveTag, setTag } from '../../src/ledger/tags.ts';
import { dependsOn, jobSpec, loseNextReply, participant, scratchLedger, submit } from './support.ts';

const jobs = [jobSpec('prepare'), jobSpec('train', dependsOn('prepare'))];

async function refusal(act: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> {
  try {
    await act;
  } catch (error) {
    return error as { code: string; message: string; hint: string };
  }
  throw new Error('it was not refused');
}

test('a tag keeps a run until it is removed', async () => {
  const { shared, ledger } = await scratchLedger();
  const { commit } = await submit(ledger, 'run-1', jobs);
  await setTag(ledger, 'best', commit);
  await setTag(await participant(shared.path), 'best', commit);
  const tags = await listTags(ledger);
  assert.equal([...tags.keys()], ['best']);
  assert.is(tags.get('best')?.message.run, 'run-1');
  assert.equal(resolveTag(tags, 'best', null), [{ run: 'run-1', job: 'train' }]);
  assert.equal(resolveTag(tags, 'best', 'prepare'), [{ run: 'run-1', job: 'prepare' }]);
  assert.equal(resolveTag(tags, 'best', 'evaluate'), []);
  assert.equal(resolveTag(tags, 'worst', null), []);
  await setTag(ledger, 'best', null);
  assert.is((await listTags(ledger)).size, 0);
});

test('a tag on another run is not moved, and one that is not there not removed', async () => {
  const { ledger } = await scratchLedger();
  const [first, second] = [await submit(ledger, 'run-1', jobs), await submit(ledger, 'run-2', jobs)];
  await setTag(ledger, 'best', first.commit);
  const error = await refusal(setTag(ledger, 'best', second.commit));
  assert.is(error.code, 'tag-exists');
  assert.is(error.hint, 'remove it first: dstack untag best');
  assert.is((await refusal(setTag(ledger, 'worst', null))).code, 'unknown-tag');
});

test('whoever may not tag is told so, in the words of the hook', async () => {
  const { shared, ledger } = await scratchLedger();
  const { commit } = await submit(ledger, 'run-1', jobs);
  shared.hook('pre-receive', 'echo "Only Ada tags here." >&2; exit 1');
  const error = await refusal(setTag(ledger, 'best', commit));
  assert.is(error.code, 'refused-by-hook');
  assert.match(error.message, /^the tag best was not changed: .*Only Ada tags here\./);
});

test('of two that set one tag at once one is told that it is taken', async () => {
  const { shared, ledger } = await scratchLedger();
  const runs = [await submit(ledger, 'run-1', jobs), await submit(ledger, 'run-2', jobs)];
  const both = await Promise.all([1, 2].map(() => participant(shared.path)));
  const results = await Promise.allSettled(
    both.map((one, index) => setTag(one, 'best', runs[index]?.commit as string)),
  );
  const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
  assert.equal(failed, ['tag-exists']);
});

test('a tag whose setting was not answered is set', async () => {
  const { shared, ledger } = await scratchLedger();
  const { commit } = await submit(ledger, 'run-1', jobs);
  loseNextReply(shared);
  await setTag(ledger, 'best', commit);
  assert.is(shared.marked('lose-reply'), false);
  assert.is(shared.refs().get('refs/dstack/tags/best'), commit);
});

test('a tag on something that is no run is left out', async () => {
  const { shared, ledger } = await scratchLedger();
  const { commit } = await submit(ledger, 'run-1', jobs);
  shared.git('update-ref', 'refs/dstack/tags/tree', `${commit}^{tree}`);
  shared.git('update-ref', 'refs/dstack/tags/entry', 'refs/dstack/queue/run-1/train');
  assert.is((await listTags(ledger)).size, 0);
});

test.run();
