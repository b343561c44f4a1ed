import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultRequirements, type JobSpec } from '../../src/language/job-spec.ts';
import { misfit, type Offer } from '../../src/ledger/misfit.ts';
import { nearestMiss } from '../../src/ledger/wait-words.ts';

const gb = 2 ** 30;
const offer = {
  labels: { gpu: 'a100', zone: 'lab' },
  machine: { cpu: 8, memory: 32 * gb, gpus: [{ name: 'NVIDIA A100-SXM4-40GB', memory: 39.6 * gb }] },
};
const why = (resources: Partial<JobSpec['resources']>, labels: Record<string, string> = {}) =>
  misfit({ labels, resources: { ...defaultRequirements.resources, ...resources } }, offer);

test("all labels of a job must be the runner's, with equal values", () => {
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

test('all that is lacking is named', () => {
  assert.is(
    why({ cpu: 9, memory: 64 * gb, gpu: { count: 2, name: null, memory: null } }, { zone: 'home' }),
    'needs the label zone=home, 9 CPUs, 64GB of memory, 2 GPUs',
  );
});

test('a runner may take only jobs with an image, or none of them, and lack secrets of a workflow', () => {
  const { resources } = defaultRequirements;
  const job = { labels: {}, resources, workflow: 'train', secrets: ['HF_TOKEN', 'WANDB_KEY'] };
  assert.is(misfit({ ...job, image: 'python' }, { ...offer, takesImages: false }), 'needs Docker');
  assert.is(misfit({ ...job, image: null }, { ...offer, takesImages: false }), null);
  assert.is(misfit({ ...job, image: null }, { ...offer, takesPlain: false }), 'needs plain processes');
  const lacks = [{ workflow: 'train', secret: 'HF_TOKEN' }];
  assert.is(misfit(job, { ...offer, lacks }), 'needs the secret HF_TOKEN');
  assert.is(misfit({ ...job, workflow: 'test' }, { ...offer, lacks }), null);
});

const nearest = (
  resources: Partial<JobSpec['resources']>,
  runners: Record<string, Partial<Offer>>,
  labels: Record<string, string> = {},
) =>
  nearestMiss(
    { labels, resources: { ...defaultRequirements.resources, ...resources } },
    Object.entries(runners).map(([name, more]) => ({ ...offer, ...more, name })),
  );
const machine = (cpu: number, memory: number, gpus: [string, number][] = []) => ({
  machine: { cpu, memory: memory * gb, gpus: gpus.map(([name, size]) => ({ name, memory: size * gb })) },
});

test('of a job that fits nobody it is said what the nearest runner has', () => {
  const a100 = { gpu: { count: 2, name: 'A100', memory: 40 * gb } };
  const runners = {
    laptop: machine(8, 16),
    'gpu-1': machine(8, 16, [['NVIDIA A100-SXM4-40GB', 40]]),
    'gpu-2': machine(64, 512, [
      ['Tesla T4', 15],
      ['Tesla T4', 15],
    ]),
  };
  assert.is(nearest(a100, runners), 'needs 2 GPUs (A100, 40GB each); nearest: gpu-1 has 1 of them');
  assert.is(
    nearest({ ...a100, cpu: 32 }, { 'gpu-2': runners['gpu-2'] }),
    'needs 2 GPUs (A100, 40GB each); gpu-2 has 2 GPUs (Tesla T4, 15GB)',
  );
  assert.is(
    nearest({ cpu: 32, memory: 64 * gb, ...a100 }, { laptop: runners.laptop }),
    'needs 32 CPUs, 64GB of memory, 2 GPUs (A100, 40GB each); laptop has 8 CPUs, 16GB of memory, no GPU',
  );
  // Of two that lack the same, the one that lacks less of it.
  assert.is(
    nearest({ cpu: 128 }, { small: machine(2, 4), large: machine(96, 4) }),
    'needs 128 CPUs; nearest: large has 96 CPUs',
  );
  assert.is(
    nearest({}, { a: { labels: {} }, b: { labels: { zone: 'home' } } }, { zone: 'moon' }),
    'needs the label zone=moon; nearest: a has no such label',
  );
  assert.is(
    nearest({}, { b: { labels: { zone: 'home' } } }, { zone: 'moon' }),
    'needs the label zone=moon; b has zone=home',
  );
});

test('what others have written is cut short', () => {
  const text = nearest({}, { a: { labels: { zone: 'y'.repeat(4000) } } }, { zone: 'x'.repeat(4000) });
  assert.ok(text.length < 300, String(text.length));
});

test('an interruptible runner is only for jobs that allow it, another one for all', () => {
  const on = (interruptible: boolean, allowed: boolean) =>
    misfit(
      { labels: {}, resources: { ...defaultRequirements.resources, interruptible: allowed } },
      { ...offer, interruptible },
    );
  assert.is(on(true, false), 'needs a machine that stays');
  assert.is(on(true, true), null);
  assert.is(on(false, true), null);
  assert.is(on(false, false), null);
});

test("what only some containers may have is offered by the runner's card", () => {
  const { resources } = defaultRequirements;
  const mount = (source: string, readOnly = true) => ({ source, target: '/x', readOnly });
  const asks = (
    access: Partial<NonNullable<JobSpec['access']>>,
    allows?: Parameters<typeof misfit>[1]['allows'],
  ) =>
    misfit(
      { labels: {}, resources, access: { mounts: [], network: null, capabilities: [], ...access } },
      { ...offer, allows },
    );
  const allows = {
    mounts: [
      { path: '/data', writable: false },
      { path: '/scratch', writable: true },
    ],
    network: ['host'],
    capabilities: ['SYS_PTRACE'],
  };
  assert.is(asks({ network: 'host' }), 'needs the network of the machine');
  assert.is(asks({ network: 'host' }, allows), null);
  assert.is(asks({ network: 'none' }), null);
  const capabilities = ['IPC_LOCK' as const, 'SYS_PTRACE' as const];
  assert.is(asks({ capabilities }, allows), 'needs the capability IPC_LOCK');
  assert.is(asks({ mounts: [mount('/data/a')] }), 'needs /data/a of the machine');
  assert.is(asks({ mounts: [mount('/data/a'), mount('/scratch', false)] }, allows), null);
  assert.is(asks({ mounts: [mount('/database')] }, allows), 'needs /database of the machine');
  assert.is(asks({ mounts: [mount('/data', false)] }, allows), 'needs /data of the machine, to write there');
  const root = { ...allows, mounts: [{ path: '/', writable: false }] };
  assert.is(asks({ mounts: [mount('/etc')] }, root), null);
});

test.run();
