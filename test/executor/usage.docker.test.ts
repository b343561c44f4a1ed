import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import { dockerForTests } from './docker-support.ts';
import { removeFolders, specOf, start, stopAll, until } from './support.ts';
import { usageContract } from './usage-contract.ts';

const test = suite('what containers use');
const docker = await dockerForTests();

if (docker !== undefined) {
  const executor = createDockerExecutor();
  const image = 'dstack-test/busybox';
  test("a container's network is told, and memory that it has taken", async () => {
    const fills = ['head -c 50000000 /dev/zero | tail -c 50000000 | sleep 100'];
    const { execution } = await start(executor, specOf(fills, { image }));
    try {
      await until(async () => ((await execution.usage())?.memory ?? 0) > 40_000_000, 'its memory is seen');
      const usage = await execution.usage();
      assert.type(usage?.network?.received, 'number');
    } finally {
      await stopAll();
      removeFolders();
    }
  });
  usageContract(test, { executor, image });
}

test.run();
