import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createProcessExecutor } from '../../src/executor/process-executor.ts';
import { removeFolders, specOf, start, stopAll, until } from './support.ts';
import { usageContract } from './usage-contract.ts';

const test = suite('what plain processes use');
const executor = createProcessExecutor();

test('what a job has put into a session of its own counts, and what it wrote to the disk', async () => {
  const commands = [
    "setsid sh -c 'while :; do :; done' &",
    'dd if=/dev/zero of=big bs=1048576 count=8 conv=fsync 2>/dev/null',
    'sleep 100',
  ];
  const { execution } = await start(executor, specOf(commands));
  try {
    await until(async () => ((await execution.usage())?.cpu ?? 0) > 0.5, 'its session is seen');
    const usage = await execution.usage();
    assert.is(usage?.network, null);
    // Where the temporary folder is in memory nothing is written to a disk.
    assert.type(usage?.disk?.written, 'number');
  } finally {
    await stopAll();
    removeFolders();
  }
});

usageContract(test, { executor, image: null });

test.run();
