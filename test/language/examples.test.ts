import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkWorkflows, readProject } from '../../src/language/check-workflows.ts';
import type { JobSpec } from '../../src/language/job-spec.ts';
import { plan } from '../../src/language/plan.ts';
import { workflowHelp } from '../../src/language/workflow-help.ts';
import { examples } from './examples/examples.ts';

const read = (name: string) => {
  const { files, variables } = examples.find((one) => one.name === name)!;
  return readProject(files, variables);
};
const planOf = (name: string, workflow: string, overrides: Record<string, string> = {}): JobSpec[] => {
  const { workflows, variables } = read(name);
  return plan(workflows, variables, {
    workflow,
    overrides,
    runName: 'brave-otter-7k2m',
    environment: {},
    resolveTag: (tag, job) => [{ run: `run-of-${tag}`, job: job ?? 'train' }],
  });
};

for (const { name } of examples) {
  test(`${name} is taken as it was written for the first version`, () => {
    const { workflows, variables } = read(name);
    assert.is(checkWorkflows(workflows, variables).length, workflows.size);
    for (const workflow of workflows.keys())
      assert.is(workflowHelp(workflows, variables, workflow).name, workflow);
  });
}

test('mnist: Python files, a dependency, a GPU by its older name', () => {
  const [download, train] = planOf('mnist', 'train', { epochs: '9' });
  assert.is(download?.image, 'python:3.9-slim');
  assert.equal(download?.commands, ['pip install -r requirements.txt', 'python download.py']);
  assert.equal(download?.artifacts, ['data']);
  assert.equal(train?.dependsOn, [{ run: null, job: 'download' }]);
  assert.equal(train?.env, {
    SEED: '42',
    BATCH_SIZE: '64',
    EPOCHS: '9',
    LEARNING_RATE: '0.001',
    PYTHONHASHSEED: '0',
  });
  assert.equal(train?.resources.gpu, { name: 'v100', count: 1, memory: null });
  assert.is(train?.resources.memory, 4 * 1024 ** 3);
});

test('tags: what depends on tagged runs runs nothing else', () => {
  const [evaluate, ...others] = planOf('tags', 'evaluate');
  assert.equal(others, []);
  assert.equal(evaluate?.dependsOn, [
    { run: 'run-of-latest', job: 'train' },
    { run: 'run-of-v1', job: 'train' },
  ]);
  assert.is(evaluate?.env.THRESHOLD, '0.90');
  assert.is(evaluate?.commands[1], 'python evaluate.py --metric accuracy');
  assert.equal(evaluate?.artifacts, ['report/brave-otter-7k2m']);
});

test('services: a count of ports, and ports by number', () => {
  const [notebook] = planOf('services', 'notebook');
  assert.equal(notebook?.ports, [3000]);
  assert.is(notebook?.env.PORT_0, '3000');
  assert.match(notebook?.commands[1] ?? '', '--port $PORT_0');
  assert.is(notebook?.resources.interruptible, true);
  const [api] = planOf('services', 'api');
  assert.equal(api?.ports, [8000]);
  assert.is(api?.workingDir, 'service');
});

test('gpus: a chain of three, values as they are written', () => {
  const jobs = planOf('gpus', 'finetune');
  assert.equal(
    jobs.map(({ name }) => name),
    ['prepare', 'pretrain', 'finetune'],
  );
  assert.is(jobs[1]?.commands[0], 'python pretrain.py --steps 1_000 --out checkpoints');
  assert.is(jobs[2]?.commands[0], 'python finetune.py --steps 1_000 --from checkpoints');
  assert.equal(jobs[1]?.resources.gpu, { name: 'V100', count: 4, memory: 16 * 1024 ** 3 });
});

test.run();
