import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openGpuMeter, parseGpuUse } from '../../src/executor/gpu-use.ts';

const first = 'GPU-1f3a7c52-0000-1111-2222-333344445555';
const second = 'GPU-9b3a7c52-0000-1111-2222-333344445555';

test('what GPUs say of themselves is read', () => {
  const found = parseGpuUse(`${first}, 97, 31254\n${second}, 0, 4\n`);
  assert.equal(
    [...found],
    [
      [first, { utilisation: 97, memory: 31254 * 2 ** 20 }],
      [second, { utilisation: 0, memory: 4 * 2 ** 20 }],
    ],
  );
});

test("what one can't tell is not taken for nothing", () => {
  // Drivers since 450 with MIG, older ones, and one that has lost its GPU.
  for (const word of ['[N/A]', 'N/A', '[Not Supported]', '[Unknown Error]', '[Insufficient Permissions]']) {
    const [use] = parseGpuUse(`${first}, ${word}, 36537`).values();
    assert.equal(use, { utilisation: null, memory: 36537 * 2 ** 20 }, word);
    const [both] = parseGpuUse(`${first}, ${word}, ${word}`).values();
    assert.equal(both, { utilisation: null, memory: null }, word);
  }
});

test('what is no GPU is passed over', () => {
  for (const text of [
    'No devices were found',
    'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.54',
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
    'Unable to determine the device handle for GPU0000:01:00.0: Unknown Error',
    `${first}, 97`,
    `${first}, 97, 31254, 80`,
    '',
  ]) {
    assert.is(parseGpuUse(text).size, 0, text);
  }
});

test('one look does for many who ask, of whom each gets his own', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'gpu-use-'));
  const before = process.env.PATH;
  try {
    const calls = path.join(folder, 'calls');
    const script = `#!/bin/sh\necho "$*" >>'${calls}'\nprintf '${first}, 50, 100\\n${second}, [N/A], 200\\n'\n`;
    writeFileSync(path.join(folder, 'nvidia-smi'), script, { mode: 0o755 });
    process.env.PATH = `${folder}:${before}`;
    const meter = openGpuMeter();
    const asked = await Promise.all([
      meter.read([first]),
      meter.read([second, first]),
      meter.read(['GPU-no']),
    ]);
    assert.equal(asked, [
      [{ utilisation: 50, memory: 100 * 2 ** 20 }],
      [
        { utilisation: null, memory: 200 * 2 ** 20 },
        { utilisation: 50, memory: 100 * 2 ** 20 },
      ],
      null,
    ]);
    const expected = '--query-gpu=uuid,utilization.gpu,memory.used --format=csv,noheader,nounits\n';
    assert.is(readFileSync(calls, 'utf8'), expected);
  } finally {
    process.env.PATH = before;
    rmSync(folder, { recursive: true, force: true });
  }
});

test('where there is none, nothing is told', async () => {
  const before = process.env.PATH;
  process.env.PATH = '/nowhere';
  try {
    assert.is(await openGpuMeter().read([first]), null);
  } finally {
    process.env.PATH = before;
  }
});

test.run();
