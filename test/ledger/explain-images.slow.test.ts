import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inputsOf } from '../../src/ledger/compare-runs.ts';
import { openExplainer } from '../../src/ledger/explain.ts';
import { movedInputs } from '../../src/ledger/image-identity.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { findRunCommit, listRuns, readOutcomes } from '../../src/ledger/runs.ts';
import { settle } from '../../src/ledger/settle.ts';
import { explanationText } from '../../src/tui/explanation-text.ts';
import {
  claim,
  dependsOn,
  done,
  finish,
  jobSpec,
  participant,
  queued,
  scratchShared,
  submit,
} from './support.ts';

const sha = (letter: string) => `sha256:${letter.repeat(64)}`;
const keys: Record<string, string> = { prepare: '1'.repeat(64), train: '2'.repeat(64) };

/** A run of two jobs, `train` of what `prepare` makes, each in an image of its own. */
async function runIn(
  ledger: Ledger,
  run: string,
  images: { prepare: string; train: string },
  manifest: string,
): Promise<void> {
  const jobs = [
    jobSpec('prepare', { image: 'data:1' }),
    jobSpec('train', { image: 'torch:2', ...dependsOn('prepare') }),
  ];
  await submit(ledger, run, jobs, {
    jobs: jobs.map((spec) => ({ spec, cacheKey: keys[spec.name] as string, useCache: true })),
  });
  for (const job of ['prepare', 'train'] as const) {
    const holder = await claim(ledger, await queued(ledger, run, job));
    const artifacts = { manifest: job === 'prepare' ? manifest : 'm', files: 1, bytes: 1, complete: true };
    await settle(ledger, [await finish(holder, { ...done, imageDigest: sha(images[job]), artifacts })]);
  }
}

test('a job that ran again since an image has moved has that for a reason', async () => {
  const shared = await scratchShared();
  const ledger = await participant(shared.path);
  await runIn(ledger, 'first', { prepare: 'a', train: 'b' }, 'x');
  await runIn(ledger, 'second', { prepare: 'a', train: 'c' }, 'x');
  await runIn(ledger, 'third', { prepare: 'd', train: 'c' }, 'y');
  // What comes of another image, and is the same, changes nothing for who gets it.
  await runIn(ledger, 'fourth', { prepare: 'e', train: 'c' }, 'y');
  const explain = async (name: string, before: string) => {
    const run = await findRunCommit(ledger, name);
    const earlier = (await listRuns(ledger)).filter((one) => one.name === before);
    const options = { newest: 10, asOf: null };
    return openExplainer(ledger, inputsOf(ledger, run!), earlier, options)('train');
  };
  const second = await explain('second', 'first');
  assert.is(second.cause, 'image-moved');
  assert.match(
    explanationText('second/train', second, Date.now()),
    /^second\/train: first\/train had the same inputs, but the image torch:2 of train has moved: sha256:b{12} → sha256:c{12}\n$/,
  );
  const third = await explain('third', 'second');
  assert.match(
    explanationText('third/train', third, Date.now()),
    /but the image data:1 of prepare has moved: sha256:a{12} → sha256:d{12}\n$/,
  );
  assert.is((await explain('fourth', 'third')).cause, 'same-unusable');

  const ids = ['first', 'second', 'third', 'fourth'].map((run) => ({ run, job: 'train' }));
  const records = [...(await readOutcomes(ledger, ids))].map(([, { record }]) => record);
  const moved = async (one: number, other: number) =>
    (await movedInputs(ledger, records[one]!, records[other]!)).map(({ job }) => job);
  assert.equal(await moved(0, 1), []);
  assert.equal(await moved(1, 2), ['prepare']);
  assert.equal(await moved(2, 3), []);
});

test.run();
