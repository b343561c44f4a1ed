import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endAtOnce } from '../../src/ledger/end-at-once.ts';
import { readUploads } from '../../src/ledger/prune/whole-ledger.ts';
import { done, scratchLedger, submit } from './support.ts';

const id = { run: 'run-1', job: 'train' };

test('what is checked before a job ends is checked under its claim; if that fails, the job waits again', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const uploads: string[] = [];
  const end = (work: () => Promise<void>) =>
    endAtOnce(ledger, id, () => ({
      by: 'upload',
      outcome: done,
      check: async () => {
        uploads.push(...(await readUploads(ledger)));
        await work();
      },
    }));
  await end(() => Promise.reject(new Error('something is missing'))).then(
    () => assert.unreachable('it ended'),
    (error: Error) => assert.is(error.message, 'something is missing'),
  );
  assert.equal(
    [...shared.refs().keys()].filter((ref) => /\/(queue|claims|jobs)\//.test(ref)),
    ['refs/dstack/queue/run-1/train'],
  );
  assert.is(await end(async () => {}), true);
  assert.is(uploads.length, 2);
  for (const upload of uploads) assert.match(upload, /^run-1\/train 1 /);
  assert.ok(shared.refs().has('refs/dstack/jobs/run-1/train'));
  assert.equal([...(await readUploads(ledger))], []);
});

test.run();
