import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { listGpus } from '../../src/executor/gpus.ts';

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

function says(text: string): void {
  const script = `#!/bin/sh\n[ "$1 $2" = '--query-gpu=index,uuid,name,memory.total --format=csv,noheader,nounits' ] && cat <<'E'\n${text}\nE\n`;
  writeFileSync(path.join(folder, 'nvidia-smi'), script, { mode: 0o755 });
}

const two = `0, GPU-1f3a7c52-0000-1111-2222-333344445555, NVIDIA H100 80GB HBM3, 81559
1, GPU-9b3a7c52-0000-1111-2222-333344445555, Tesla T4, 15360`;

test('GPUs are known by UUID, name and memory', async () => {
  says(two);
  assert.equal(await listGpus(undefined), [
    {
      id: 'GPU-1f3a7c52-0000-1111-2222-333344445555',
      index: 0,
      name: 'NVIDIA H100 80GB HBM3',
      memory: 81559 * 2 ** 20,
    },
    { id: 'GPU-9b3a7c52-0000-1111-2222-333344445555', index: 1, name: 'Tesla T4', memory: 15360 * 2 ** 20 },
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

test('where it says something else there are none', async () => {
  says('No devices were found');
  assert.equal(await listGpus(undefined), []);
  writeFileSync(path.join(folder, 'nvidia-smi'), '#!/bin/sh\necho broken\nexit 9\n', { mode: 0o755 });
  assert.equal(await listGpus(undefined), []);
});

test.run();
