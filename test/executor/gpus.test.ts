import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { listGpus as lookForGpus } from '../../src/executor/gpus.ts';
import { askNvidiaSmi } from '../../src/executor/nvidia-smi.ts';

// A machine that builds this has no GPU: a program of that name stands for it, and says what a real one says.
const folder = mkdtempSync(path.join(os.tmpdir(), 'gpus-'));
const before = process.env.PATH;
test.before(() => {
  process.env.PATH = `${folder}:${before}`;
});
test.after(() => {
  process.env.PATH = before;
  rmSync(folder, { recursive: true, force: true });
});

const listGpus = async (visible: string | undefined) => (await lookForGpus(visible)).gpus;

/** @param list what it says to `-L`, where that matters */
function says(query: string, list = '', exitCode = 0): void {
  const script = `#!/bin/sh
case "$*" in
'--query-gpu=index,uuid,name,memory.total --format=csv,noheader,nounits') cat <<'END'
${query}
END
;;
-L) cat <<'END'
${list}
END
;;
esac
exit ${exitCode}
`;
  writeFileSync(path.join(folder, 'nvidia-smi'), script, { mode: 0o755 });
}

const mebi = 2 ** 20;
const two = `0, GPU-1f3a7c52-0000-1111-2222-333344445555, NVIDIA H100 80GB HBM3, 81559
1, GPU-9b3a7c52-0000-1111-2222-333344445555, Tesla T4, 15360`;

test('GPUs are known by UUID, name and memory', async () => {
  says(two);
  assert.equal(await listGpus(undefined), [
    {
      id: 'GPU-1f3a7c52-0000-1111-2222-333344445555',
      index: 0,
      name: 'NVIDIA H100 80GB HBM3',
      memory: 81559 * mebi,
    },
    { id: 'GPU-9b3a7c52-0000-1111-2222-333344445555', index: 1, name: 'Tesla T4', memory: 15360 * mebi },
  ]);
});

test('what is hidden from the runner is not given to jobs', async () => {
  says(two);
  const names = async (visible: string) => (await listGpus(visible)).map(({ name }) => name);
  assert.equal(await names('1'), ['Tesla T4']);
  assert.equal(await names('GPU-1f3a'), ['NVIDIA H100 80GB HBM3']);
  assert.equal(await names('0, 1'), ['NVIDIA H100 80GB HBM3', 'Tesla T4']);
  assert.equal(await names(''), []);
  assert.equal(await names('-1'), []);
});

test('of a GPU in MIG mode there are its parts, each with its own memory', async () => {
  says(
    `0, GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77, NVIDIA A100-SXM4-40GB, 40960
1, GPU-aaba0d6a-d33d-2b2c-524d-9e3d8d2b8a77, NVIDIA A100-SXM4-40GB, 40960`,
    `GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 1g.5gb+me   Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-aaba0d6a-d33d-2b2c-524d-9e3d8d2b8a77)`,
  );
  const listed = async (visible?: string) =>
    (await listGpus(visible)).map(({ id, name, memory }) => [id.slice(0, 8), name, memory / mebi]);
  const parts = [
    ['MIG-c6d4', 'NVIDIA A100-SXM4-40GB MIG 3g.20gb', 20480],
    ['MIG-cba6', 'NVIDIA A100-SXM4-40GB MIG 1g.5gb+me', 5120],
  ];
  assert.equal(await listed(), [...parts, ['GPU-aaba', 'NVIDIA A100-SXM4-40GB', 40960]]);
  assert.equal(await listed('0'), parts);
  assert.equal(await listed('MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb'), parts.slice(1));
});

test('one that shares the memory of the machine says none', async () => {
  for (const [line, name] of [
    ['0, GPU-1f3a7c52-0000-1111-2222-333344445555, NVIDIA GB10, [N/A]', 'NVIDIA GB10'],
    ['0, GPU-1f3a7c52-0000-1111-2222-333344445555, Orin (nvgpu), [Not Supported]', 'Orin (nvgpu)'],
  ] as const) {
    says(line);
    const [gpu] = await listGpus(undefined);
    assert.equal([gpu?.name, gpu?.memory], [name, 0]);
  }
});

test('where it says something else there are none', async () => {
  for (const [text, exitCode] of [
    ['No devices were found', 0],
    ['No devices were found', 6],
    ['Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.90', 18],
    ["NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9],
    ['Field "uuid" is not a valid field to query.', 2],
  ] as const) {
    says(text, '', exitCode);
    assert.equal(await listGpus(undefined), [], text);
  }
});

test('one that has fallen off the bus is not there, the others are, though it ends as if all had failed', async () => {
  says(`${two}\nUnable to determine the device handle for GPU 0000:41:00.0: Unknown Error`, '', 15);
  const { gpus, problem } = await lookForGpus(undefined);
  assert.is(gpus.length, 2);
  assert.match(problem ?? '', /^Unable to determine the device handle/);
});

test('what is wrong with the driver is told; that there is no GPU is nothing wrong', async () => {
  says('Failed to initialize NVML: Driver/library version mismatch', '', 18);
  assert.match((await lookForGpus(undefined)).problem ?? '', /^Failed to initialize NVML: Driver/);
  says('', '', 9);
  assert.is((await lookForGpus(undefined)).problem, 'ended with 9');
  says('No devices were found', '', 6);
  assert.is((await lookForGpus(undefined)).problem, null);
  process.env.PATH = '/nowhere';
  assert.equal(await lookForGpus(undefined), { gpus: [], problem: null });
  process.env.PATH = `${folder}:${before}`;
});

test('a driver that hangs is not waited for', async () => {
  writeFileSync(path.join(folder, 'nvidia-smi'), '#!/bin/sh\nexec sleep 20\n', { mode: 0o755 });
  assert.equal(await askNvidiaSmi(['-L'], 300), { text: '', problem: 'did not answer within 0.3 seconds' });
});

test.run();
