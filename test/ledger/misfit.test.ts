import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultRequirements, type JobSpec } from '../../src/language/job-spec.ts';
import { misfit } from '../../src/ledger/misfit.ts';

const gb = 2 ** 30;
const offer = {
  labels: { gpu: 'a100', zone: 'lab' },
  machine: { cpu: 8, memory: 32 * gb, gpus: [{ name: 'NVIDIA A100-SXM4-40GB', memory: 39.6 * gb }] },
};
const why = (resources: Partial<JobSpec['resources']>, labels: Record<string, string> = {}) =>
  misfit({ labels, resources: { ...defaultRequirements.resources, ...resources } }, offer);

test('all labels of a job must be the runner’s, with equal values', () => {
  assert.is(why({}), null);
  assert.is(why({}, { gpu: 'a100' }), null);
  assert.is(why({}, { gpu: 'a100', zone: 'lab' }), null);
  assert.is(why({}, { gpu: 'v100', zone: 'lab', disk: 'fast' }), 'needs the label gpu=v100, disk=fast');
});

test('a job must not need more than the whole machine', () => {
  assert.is(why({ cpu: 8, memory: 32 * gb }), null);
  assert.is(why({ cpu: 8.5 }), 'needs 8.5 CPUs');
  assert.is(why({ memory: 33 * gb }), 'needs 33GB of memory');
});

test('GPUs match by a part of their name, and by what is said on the box', () => {
  assert.is(why({ gpu: { count: 1, name: 'a100', memory: 40 * gb } }), null);
  assert.is(why({ gpu: { count: 2, name: null, memory: null } }), 'needs 2 GPUs');
  assert.is(why({ gpu: { count: 1, name: 'H100', memory: null } }), 'needs 1 GPU (H100)');
  assert.is(why({ gpu: { count: 1, name: 'A100', memory: 80 * gb } }), 'needs 1 GPU (A100, 80GB)');
});

test.run();
