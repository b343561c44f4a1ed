import { hostname } from 'node:os';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseJob, whyNot } from '../../src/cli/runner-attach.ts';
import { DstackError } from '../../src/errors.ts';
import type { JobHere } from '../../src/executor/jobs-here.ts';
import { sampleJob, sampleRun } from '../tui/sample-state.ts';

const here = (run: string, job: string, attempt = 1): JobHere => ({
  run,
  job,
  attempt,
  at: { kind: 'container', id: `${run}-${job}-${attempt}`, frozen: false },
});
const jobs = [
  here('brave-otter-7k2m', 'train'),
  here('brave-otter-7k2m', 'eval'),
  here('brave-ox-1a2b', 'train'),
];

const idOf = (text: string, among = jobs) => {
  const { at } = chooseJob(among, text) ?? {};
  return at?.kind === 'container' ? at.id : null;
};

function refused(act: () => unknown): DstackError {
  try {
    act();
  } catch (error) {
    if (error instanceof DstackError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test('a job is named like everywhere: by the beginning of its run, and alone by that', () => {
  assert.is(idOf('brave-otter-7k2m/train'), 'brave-otter-7k2m-train-1');
  assert.is(idOf('brave-ot/eval'), 'brave-otter-7k2m-eval-1');
  assert.is(idOf('brave-ox'), 'brave-ox-1a2b-train-1');
  assert.is(idOf('calm-fox/train'), null);
  assert.is(idOf('brave-ox/eval'), null);
  assert.is(idOf(''), null);
  assert.is(idOf('/train'), null);
});

test('what can be several jobs is asked about', () => {
  const error = refused(() => chooseJob(jobs, 'brave'));
  assert.is(error.code, 'ambiguous-job');
  assert.match(error.hint ?? '', /brave-otter-7k2m\/train, brave-otter-7k2m\/eval, brave-ox-1a2b\/train/);
  assert.is(refused(() => chooseJob(jobs, 'brave/train')).code, 'ambiguous-job');
});

test('a whole name is no beginning of another; of attempts the newest is meant', () => {
  const alike = [here('brave', 'train'), here('brave-2', 'train')];
  assert.is(idOf('brave', alike), 'brave-train-1');
  assert.is(idOf('brave', [here('brave', 'train', 2), here('brave', 'train', 1)]), 'brave-train-2');
});

const run = (state: Parameters<typeof sampleJob>[0]['state'], runner: string | null = null) =>
  sampleRun('brave-otter-7k2m', [sampleJob({ run: 'brave-otter-7k2m', name: 'train', state, runner })]);

test('of a job elsewhere it is said where, and how to get there', () => {
  const error = whyNot(run('running', 'gpu-1'), 'train', new Map([['gpu-1', 'gpu-box']]), null);
  assert.is(error.message, 'brave-otter-7k2m/train runs on gpu-1, on the machine gpu-box');
  assert.is(error.hint, 'ssh -t gpu-box dstack runner attach brave-otter-7k2m/train');
  const unseen = whyNot(run('running', 'gpu-1'), 'train', new Map([['gpu-1', hostname()]]), null);
  assert.match(unseen.message, /can't be seen here: it is another user's/);
  const noDocker = new DstackError('docker-unavailable', 'Docker is not running');
  assert.match(
    whyNot(run('running', 'gpu-1'), null, new Map(), noDocker).message,
    /\(Docker is not running\)/,
  );
});

test('one that has not begun, or has ended, is told from that', () => {
  assert.match(whyNot(run('submitted'), 'train', new Map(), null).message, /train has not begun/);
  assert.match(
    whyNot(run('pulling', 'a'), 'train', new Map(), null).message,
    /train is not running: pulling/,
  );
  const ended = whyNot(run('failed', 'a'), null, new Map(), null);
  assert.is(ended.message, 'brave-otter-7k2m/train has ended: failed');
  assert.is(ended.hint, 'dstack logs brave-otter-7k2m/train');
});

test('of several that run somewhere one has to be named', () => {
  const both = ['a', 'b'].map((name) => sampleJob({ name, state: 'running', runner: 'gpu-1' }));
  const error = whyNot(sampleRun('brave-otter-7k2m', both), null, new Map(), null);
  assert.is(error.code, 'ambiguous-job');
});

test.run();
