import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, type TestProject, until, withProject } from './project.ts';

const keptIn = ({ root }: TestProject) => path.join(root, 'home/cache/dstack/setup');
const keysOf = (project: TestProject) =>
  existsSync(keptIn(project)) ? readdirSync(keptIn(project)).filter((name) => name.length === 64) : [];

async function execute(project: TestProject, workflow: string, ...options: string[]): Promise<string> {
  const run = await project.submit([workflow, ...options]);
  const runner = project.startRunner('one', ['--executor', 'process', '--drain']);
  assert.is(await runner.exited, 0, runner.output());
  return run;
}

test(
  'a job goes on with the folders that the last one left, if that did well; the key begins them anew',
  withProject(
    `
workflows:
  - name: train
    cache: {paths: .venv, key: [requirements.txt]}
    commands:
      - mkdir -p .venv
      - echo "$RUN_NAME" >> .venv/runs
      - wc -l < .venv/runs
      - pwd
      - exit $(cat exit)
`,
    async (project) => {
      const executeWith = async (requirements: string, exit: string, ...options: string[]) => {
        project.write({ 'requirements.txt': requirements, exit, salt: String(Math.random()) });
        const run = await execute(project, 'train', ...options);
        const { state } = await project.record(run, 'train');
        return { state, lines: (await project.log(run, 'train')).split('\n') };
      };
      const first = await executeWith('torch', '0');
      assert.equal(first.lines.slice(0, 2), ['dstack: setup cache: .venv none yet', '1']);
      assert.match(first.lines.at(-1) as string, /^dstack: setup cache: kept \.venv \(/);
      // On a quick machine it would be less than a second old, which is told in tenths.
      await sleep(1_000);
      const failed = await executeWith('torch', '3');
      assert.is(failed.state, 'failed');
      assert.match(failed.lines[0] as string, /^dstack: setup cache: \.venv [\d.]+KB from \d+s ago$/);
      assert.equal(failed.lines.slice(1, 2), ['2']);
      // What it has left there is nothing to go on with; and what programs have written of their place is right.
      const third = await executeWith('torch', '0');
      assert.equal(third.lines.slice(1, 3), ['2', first.lines[2]]);
      assert.is((await executeWith('jax', '0')).lines[1], '1');
      assert.is((await executeWith('torch', '0')).lines[1], '3');
      assert.is(keysOf(project).length, 2);
      const anew = await executeWith('torch', '0', '--no-cache');
      assert.equal(anew.lines.slice(0, 2), ['dstack: setup cache: .venv not used', '1']);
    },
  ),
);

test(
  "jobs at the same time never see each other's, and leave nothing by halves when their runner is killed",
  withProject(
    (root) => `
workflows:
  - name: train
    matrix: {cell: [1, 2, 3]}
    cache: [env]
    commands:
      - if [ -e env ]; then [ "$(cat env/a)" = "$(cat env/b)" ] || exit 9; fi
      - mkdir -p env && echo \${{ matrix.cell }} > env/a
      - echo begun >> ${root}/marks
      - until [ -e ${root}/go ]; do sleep 0.05; done
      - echo \${{ matrix.cell }} > env/b
`,
    async (project) => {
      const marks = path.join(project.root, 'marks');
      const lease = { DSTACK_RUNNER_LEASE: '3s' };
      const first = await project.submit(['train']);
      const killed = project.startRunner('one', ['--concurrency', '3', '--poll', '200ms'], lease);
      await until('all at work', () => linesOf(marks).length === 3);
      killed.kill('SIGKILL');
      await killed.exited;
      assert.equal(keysOf(project), []);
      writeFileSync(path.join(project.root, 'go'), '');
      const runner = project.startRunner('one', ['--concurrency', '3', '--drain'], lease);
      assert.is(await runner.exited, 0, runner.output());
      for (const cell of [1, 2, 3]) assert.is((await project.record(first, `train-${cell}`)).state, 'done');
      const kept = keysOf(project).length;
      assert.ok(kept >= 1 && kept <= 3, `${kept} are kept`);
      project.write({ salt: 'another snapshot' });
      const second = await project.submit(['train']);
      const again = project.startRunner('one', ['--concurrency', '3', '--drain'], lease);
      assert.is(await again.exited, 0, again.output());
      for (const cell of [1, 2, 3]) assert.is((await project.record(second, `train-${cell}`)).state, 'done');
      const words = await Promise.all([1, 2, 3].map((cell) => project.log(second, `train-${cell}`)));
      assert.ok(
        words.some((log) => / from [\d.]+s ago/.test(log)),
        words.join('\n'),
      );
    },
  ),
);

test(
  'a runner that keeps none says so, and dstack runner check how much there is',
  withProject(
    'workflows: [{name: train, cache: [env], commands: [mkdir -p env, echo 1 > env/a]}]\n',
    async (project) => {
      const run = await project.submit(['train']);
      const runner = project.startRunner('one', ['--drain'], { DSTACK_RUNNER_SETUP_CACHE: '0' });
      assert.is(await runner.exited, 0, runner.output());
      assert.is(await project.log(run, 'train'), 'dstack: setup cache: this runner keeps none');
      assert.equal(keysOf(project), []);
      project.write({ salt: 'another snapshot' });
      await execute(project, 'train');
      const check = await project.dstack(['runner', 'check']);
      assert.match(check.stdout, /setup +\S+ of at most 20GB in \S+\/setup/);
    },
  ),
);

test.run();
