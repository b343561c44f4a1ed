import { suite } from 'uvu';
import { identityVariables } from '../../src/executor/job-environment.ts';
import { createProcessExecutor } from '../../src/executor/process-executor.ts';
import { processesWith } from '../../src/executor/process-table.ts';
import { executorContract } from './contract.ts';

const test = suite('process executor');

executorContract(test, {
  create: createProcessExecutor,
  image: null,
  leftovers: async (nonce) =>
    processesWith({ [identityVariables.nonce]: nonce }).map(({ pid }) => `process ${pid}`),
});

test.run();
