import { cpSync, rmSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createProject, type TestProject } from './project.ts';

const workflows = `
workflows:
  - name: prepare
    depends-on: {repo: {include: [prepare.sh, data]}, variables: [rows]}
    artifacts: [clean]
    commands: ['sh prepare.sh > clean']
  - name: features
    depends-on: {repo: {include: [features.sh]}, workflows: [prepare], variables: []}
    artifacts: [features]
    commands: [cp clean features]
  - name: train
    depends-on: {repo: {include: [train.sh]}, workflows: [features], variables: [lr]}
    artifacts: [model]
    commands: ['sh train.sh $lr > model', 'echo $run_name']
`;

const test = suite<{ project: TestProject }>('a cache that explains itself');

test.before.each(async (context) => {
  const project = await createProject(workflows);
  context.project = project;
  project.write({
    '.dstack/variables.yaml': 'variables: {global: {rows: 10}, train: {lr: 0.1}}\n',
    'prepare.sh': 'cat data/*\n',
    'data/a.csv': '1\n',
    'features.sh': ':\n',
    'train.sh': 'echo $1\n',
  });
});
test.after.each(({ project }) => project.remove());

/** Runs it to its end; its name. */
async function runAll(project: TestProject, ...args: string[]): Promise<string> {
  const run = await project.submit(args);
  const runner = project.startRunner('one', ['--drain']);
  assert.is(await runner.exited, 0, runner.output());
  return run;
}

async function output(project: TestProject, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await project.dstack(args);
  assert.is(exitCode, 0, stderr);
  return stdout;
}

test('the plan says what runs, why, and from where the rest comes; and pushes nothing', async ({
  project,
}) => {
  const plan = (...args: string[]) => output(project, 'run', 'train', '--dry-run', ...args);
  assert.is(
    await plan(),
    `prepare  process  runs: never run before
└ features  process  runs: never run before
  └ train  process  runs: never run before
3 jobs to execute, 0 from the cache
`,
  );
  assert.equal([...(await project.refs('runs')), ...(await project.refs('queue'))], []);
  const first = await runAll(project, 'train');
  assert.is(
    await plan('--lr', '0.2'),
    `prepare  process  cached from ${first}/prepare
└ features  process  cached from ${first}/features
  └ train  process  runs: lr 0.1 → 0.2 since ${first}
1 job to execute, 2 from the cache
`,
  );
  const second = await runAll(project, 'train', '--lr', '0.2');
  project.write({ 'data/a.csv': '2\n', 'data/b.csv': '3\n', 'unrelated.txt': 'x\n' });
  assert.is(
    await plan('--lr', '0.2'),
    `prepare  process  runs: data/a.csv changed, data/b.csv added since ${second}
└ features  process  runs: prepare changed since ${second}
  └ train  process  runs: features changed since ${second}
3 jobs to execute, 0 from the cache
`,
  );
  assert.match(await plan('--no-cache'), /train {2}process {2}runs: --no-cache\n3 jobs to execute/);
  const [prepare, , train] = JSON.parse(await plan('--lr', '0.3', '--json'));
  assert.is(prepare.cached, false);
  assert.equal(prepare.explanation.nearest.differences[0], {
    kind: 'file',
    path: 'data/a.csv',
    change: 'changed',
  });
  assert.is(train.explanation.cause, 'changed');

  rmSync(`${project.folder}/data`, { recursive: true });
  project.write({ 'data/a.csv': '1\n' });
  rmSync(project.store, { recursive: true });
  assert.match(await plan(), `prepare  process  runs: files of ${second}/prepare are gone\n`);
});

test('why: what has changed, followed to its root', async ({ project }) => {
  const why = async (name: string) =>
    (await output(project, 'why', name)).replace(/\b(now|\d+[smh] ago)\b/g, 'then');
  const first = await runAll(project, 'train');
  assert.is(await why(`${first}/train`), `${first}/train (done): there is no earlier run of it\n`);
  const second = await runAll(project, 'train', '--rows', '20');
  assert.is(
    await why(`${second}/train`),
    `${second}/train (done): no earlier job had the same inputs
compared with ${first}/train (done, then):
  dependency features:
    dependency prepare:
      variable rows: 10 → 20
`,
  );
  project.write({ 'train.sh': 'echo $1 # the same\n' });
  const third = await runAll(project, 'train', '--rows', '20');
  assert.is(
    await why(third),
    `${third}/prepare (cached): taken from ${second}/prepare, which had the same inputs
${third}/features (cached): taken from ${second}/features, which had the same inputs
${third}/train (done): no earlier job had the same inputs
compared with ${second}/train (done, then), the nearest of 2 earlier ones:
  file train.sh changed
`,
  );
  const fourth = await runAll(project, 'train', '--no-cache');
  assert.match(await why(`${fourth}/train`), 'the cache was not asked (--no-cache)');

  project.write({ 'train.sh': 'exit 3\n' });
  const failed = await runAll(project, 'train');
  const again = await runAll(project, 'train');
  assert.is(
    (await why(`${again}/train`)).split('\n')[0],
    `${again}/train (failed): ${failed}/train had the same inputs, but ended as failed`,
  );
  const { cause, same, nearest } = JSON.parse(await output(project, 'why', `${again}/train`, '--json'));
  assert.equal([cause, same.id.run, nearest.id.run], ['same-failed', failed, fourth]);
});

test('a result whose files are gone is made again, and it says so', async ({ project }) => {
  const first = await runAll(project, 'train');
  rmSync(project.store, { recursive: true });
  const second = await runAll(project, 'train');
  assert.match(
    await output(project, 'why', `${second}/train`),
    `${first}/train had the same inputs, but its result could not be used: files of it were not in the store`,
  );
});

test("another user's result is used", async ({ project }) => {
  const first = await runAll(project, 'train');
  const clone = `${project.root}/clone`;
  await project.git(['clone', '--quiet', project.folder, clone], { cwd: project.root });
  for (const name of ['.dstack/variables.yaml', 'prepare.sh', 'data', 'features.sh', 'train.sh'])
    cpSync(`${project.folder}/${name}`, `${clone}/${name}`, { recursive: true });
  const bob = { GIT_AUTHOR_NAME: 'Bob', GIT_COMMITTER_NAME: 'Bob', HOME: `${project.root}/bob` };
  const options = { cwd: clone, env: { ...bob, DSTACK_REMOTE: project.shared } };
  const { stdout } = await project.dstack(['run', 'train', '--dry-run'], options);
  assert.match(stdout, '0 jobs to execute, 3 from the cache');
  assert.match(stdout, `cached from ${first}/train`);
});

test.run();
