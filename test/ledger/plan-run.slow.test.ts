import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { discoverRepository } from '../../src/git/repository.ts';
import { type TracedPlan, tracedPlan } from '../../src/language/plan.ts';
import { placeholderRunName } from '../../src/language/workflow-scope.ts';
import { planRun } from '../../src/ledger/plan-run.ts';
import { scratchProject } from '../git/scratch-repository.ts';
import { variablesOf, workflowsOf } from '../language/language-fixture.ts';

const workflows = `
workflows:
  - name: prepare
    commands: [python prepare.py]
    depends-on:
      repo: {include: [src/**]}
    artifacts: [data]
  - name: train
    commands: ['python train.py $run_name']
    depends-on:
      workflows: [prepare]
`;

type KeyOf = Parameters<typeof planRun>[5];

async function plannedIn(
  project: ReturnType<typeof scratchProject>,
  runName = 'run-1',
  text = workflows,
  keyOf: KeyOf = async () => null,
) {
  project.git('add', '--all');
  const tree = project.git('write-tree');
  const request = {
    workflow: 'train',
    overrides: {},
    runName,
    environment: {},
    resolveTag: () => [{ run: 'old', job: 'prepare' }],
  };
  const repository = await discoverRepository(project.path);
  const jobs = await planRun(repository, tree, workflowsOf(text), variablesOf(null), request, keyOf);
  return new Map(jobs.map(({ spec, cacheKey }) => [spec.name, cacheKey]));
}

test('each job has a key, the same for each run of the same', async () => {
  const project = scratchProject();
  const first = await plannedIn(project);
  assert.equal([...first.keys()], ['prepare', 'train']);
  for (const key of first.values()) assert.match(key ?? '', /^[0-9a-f]{64}$/);
  assert.equal(await plannedIn(project, 'another-run'), first);
});

test('a file changes the keys of the jobs that see it, and of those that depend on them', async () => {
  const project = scratchProject();
  const before = await plannedIn(project);
  project.write('train.py', 'print("changed")\n');
  const outside = await plannedIn(project);
  assert.is(outside.get('prepare'), before.get('prepare'));
  assert.is.not(outside.get('train'), before.get('train'));
  project.write('src/model.py', 'layers = 3\n');
  const inside = await plannedIn(project);
  assert.is.not(inside.get('prepare'), before.get('prepare'));
  assert.is.not(inside.get('train'), outside.get('train'));
});

test('without the key of an input of an earlier run there is none', async () => {
  const project = scratchProject();
  const text = workflows.replace('workflows: [prepare]', 'workflows: ["prepare:best"]');
  assert.equal([...(await plannedIn(project, 'run-1', text))], [['train', null]]);
  const keyOf: KeyOf = async (run, job) => (run === 'old' && job === 'prepare' ? 'e'.repeat(64) : null);
  const known = await plannedIn(project, 'run-1', text, keyOf);
  assert.match(known.get('train') ?? '', /^[0-9a-f]{64}$/);
});

test('an early plan is taken for what does not depend on the name of the run or on tags', async () => {
  const project = scratchProject();
  project.git('add', '--all');
  const tree = project.git('write-tree');
  const repository = await discoverRepository(project.path);
  const planned = (text: string, runName: string, early?: TracedPlan) => {
    const asked = {
      workflow: 'train',
      overrides: {},
      runName,
      environment: {},
      resolveTag: () => [job('old')],
    };
    const none = async () => null;
    return planRun(repository, tree, workflowsOf(text), variablesOf(null), asked, none, early);
  };
  const job = (run: string) => ({ run, job: 'prepare' });
  const earlyOf = (text: string) =>
    tracedPlan(workflowsOf(text), variablesOf(null), {
      workflow: 'train',
      overrides: {},
      runName: placeholderRunName,
      environment: {},
      resolveTag: () => [job('unknown')],
    });

  const named = earlyOf(workflows);
  assert.equal(named.used, { runName: true, tags: false });
  assert.equal(await planned(workflows, 'run-1', named), await planned(workflows, 'run-1'));
  assert.equal((await planned(workflows, 'run-1', named))[1]?.spec.commands, ['python train.py run-1']);

  const plain = workflows.replace(' $run_name', '');
  const early = earlyOf(plain);
  assert.equal(early.used, { runName: false, tags: false });
  const jobs = await planned(plain, 'run-1', early);
  assert.equal(jobs, await planned(plain, 'run-1'));
  assert.ok(jobs.every(({ spec }, i) => spec === early.specs[i]));

  const tagged = plain.replace('workflows: [prepare]', 'workflows: ["prepare:best"]');
  assert.equal(earlyOf(tagged).used, { runName: false, tags: true });
  assert.equal((await planned(tagged, 'run-1', earlyOf(tagged)))[0]?.spec.dependsOn, [job('old')]);
});

test.run();
