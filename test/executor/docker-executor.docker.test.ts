import { suite } from 'uvu';
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import { executorContract } from './contract.ts';
import { containersOf, dockerForTests } from './docker-support.ts';

const test = suite('docker executor');
const docker = await dockerForTests();

if (docker !== undefined) {
  executorContract(test, {
    create: createDockerExecutor,
    image: 'dstack-test/busybox',
    leftovers: (nonce) => containersOf(docker, nonce),
  });
}

test.run();
