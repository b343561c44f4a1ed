import { renameSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FollowEvent, type FollowOptions, followRun } from '../../src/ledger/follow.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { settle } from '../../src/ledger/settle.ts';
import {
  chunk,
  claim,
  claimant,
  dependsOn,
  finish,
  jobSpec,
  participant,
  queued,
  scratchLedger,
  submit,
} from './support.ts';

const jobs = [jobSpec('prepare'), jobSpec('train', dependsOn('prepare'))];

/** The events in words; before each wait the next of `steps` is done. */
async function follow(
  ledger: Ledger,
  steps: (() => unknown)[],
  more: Partial<FollowOptions> = {},
): Promise<string[]> {
  const words: string[] = [];
  const wake = {
    async wait() {
      const step = steps.shift();
      if (!step) throw new Error(`it goes on after: ${words.join(' | ')}`);
      await step();
      return true;
    },
    notify() {},
    close() {},
  };
  const options = { run: 'run-1', job: null, wake, poll: 0, readStored: null, ...more };
  for await (const event of followRun(ledger, options)) words.push(inWords(event));
  assert.is(steps.length, 0, `it ended too early: ${words.join(' | ')}`);
  return words;
}

function inWords(event: FollowEvent): string {
  switch (event.kind) {
    case 'run':
      return event.run.jobs.map((job) => job.state).join(' ');
    case 'log':
      return `${event.job}: ${Buffer.from(event.bytes).toString().trimEnd()}`;
    case 'trouble':
      return 'trouble';
    case 'gone':
      return 'gone';
  }
}

test('a state comes before the output that follows from it, an end after all output of its job', async () => {
  const { ledger } = await scratchLedger();
  await submit(ledger, 'run-1', jobs);
  const [prepare, train] = [await queued(ledger, 'run-1', 'prepare'), await queued(ledger, 'run-1', 'train')];
  let holder = await claim(ledger, prepare);
  const words = await follow(ledger, [
    () => holder.renew({ state: 'running', chunks: [chunk('one\n')] }),
    () => holder.renew({ chunks: [chunk('two\n'), chunk('three\n')] }),
    () => holder.renew(),
    async () => {
      await holder.renew({ chunks: [chunk('four\n')] });
      await settle(ledger, [await finish(holder)]);
      holder = await claim(ledger, train);
    },
    async () => {
      await holder.renew({ state: 'running', chunks: [chunk('five\n')] });
      await finish(holder);
    },
  ]);
  assert.equal(words, [
    'claimed submitted',
    'running submitted',
    'prepare: one',
    'prepare: two',
    'prepare: three',
    'prepare: four',
    'done claimed',
    'train: five',
    'done done',
  ]);
});

test('one job alone is followed until it ends', async () => {
  const { ledger } = await scratchLedger();
  await submit(ledger, 'run-1', jobs);
  const holder = await claim(ledger, await queued(ledger, 'run-1', 'prepare'));
  await holder.renew({ chunks: [chunk('early\n', 10), chunk('late\n', 20)] });
  const words = await follow(ledger, [() => finish(holder)], { job: 'prepare', since: 15 });
  assert.equal(words, ['claimed submitted', 'prepare: late', 'done submitted']);
});

test('a takeover goes on with the log; a first attempt that was given back leaves none', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const entry = await queued(ledger, 'run-1');
  let holder = await claim(ledger, entry);
  await holder.renew({ chunks: [chunk('one\n')] });
  const words = await follow(await participant(shared.path), [
    async () => {
      await holder.withdraw();
      holder = await claim(ledger, entry, claimant('gpu-2'));
      await holder.renew({ chunks: [chunk('anew\n')] });
    },
    async () => {
      holder = await claim(ledger, entry, claimant('gpu-3'), { commit: holder.tip(), claim: holder.claim() });
      await holder.renew({ chunks: [chunk('two\n')] });
    },
    () => finish(holder),
  ]);
  assert.equal(
    words.filter((word) => word.startsWith('train:')),
    ['train: one', 'train: anew', 'train: two'],
  );
});

test('a repository that is away is reported, and when it is back nothing was missed or told twice', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const holder = await claim(ledger, await queued(ledger, 'run-1'));
  await holder.renew({ chunks: [chunk('one\n')] });
  const away = `${shared.path}.away`;
  const words = await follow(await participant(shared.path), [
    () => renameSync(shared.path, away),
    () => {},
    async () => {
      renameSync(away, shared.path);
      await holder.renew({ chunks: [chunk('two\n')] });
    },
    () => finish(holder),
  ]);
  assert.equal(words, ['claimed', 'train: one', 'trouble', 'trouble', 'train: two', 'done']);
});

test('a log that can not be read for a moment is trouble, not the end', async () => {
  const { ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const holder = await claim(ledger, await queued(ledger, 'run-1'));
  await holder.renew({ chunks: [chunk('one\n')] });
  let failing = true;
  const flaky: Ledger = {
    ...ledger,
    shared: {
      ...ledger.shared,
      async read(name) {
        if (failing && name.endsWith(':log')) throw new Error('git cat-file ended');
        return ledger.shared.read(name);
      },
    },
  };
  const words = await follow(flaky, [
    () => {
      failing = false;
    },
    () => finish(holder),
  ]);
  assert.equal(words, ['claimed', 'trouble', 'train: one', 'done']);
});

test('a run that is not there is gone', async () => {
  const { ledger } = await scratchLedger();
  assert.equal(await follow(ledger, []), ['gone']);
});

test.run();
