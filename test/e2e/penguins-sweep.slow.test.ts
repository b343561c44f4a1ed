import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withProject } from './project.ts';

const penguins = fileURLToPath(new URL('../../fixtures/penguins', import.meta.url));

test(
  "the penguins' sweep: six trainings and the best of them, and after a change only what depends on it",
  withProject('workflows: []\n', async (project) => {
    cpSync(penguins, project.folder, { recursive: true });
    // As `node` is found by whoever submits it, the runner finds it, too.
    const env = { PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` };
    const output = async (...args: string[]) => {
      const { exitCode, stdout, stderr } = await project.dstack(args, { env });
      assert.is(exitCode, 0, stderr);
      return stdout;
    };
    const runAll = async (...args: string[]) => {
      const run = (await output('run', 'select-best', '--detach', ...args)).trim();
      const runner = project.startRunner('one', ['--drain', '--concurrency', '2'], env);
      assert.is(await runner.exited, 0, runner.output());
      const status = JSON.parse(await output('status', run, '--json'));
      return {
        run,
        states: Object.fromEntries(
          status.jobs.map((job: { name: string; state: string }) => [job.name, job.state]),
        ),
      };
    };
    const cells = ['sweep-1', 'sweep-2', 'sweep-3', 'sweep-4', 'sweep-5', 'sweep-6'];

    const first = await runAll();
    assert.equal(
      first.states,
      Object.fromEntries(['preprocess', ...cells, 'select-best'].map((name) => [name, 'done'])),
    );
    await output('artifacts', 'download', `${first.run}/select-best`, '-o', path.join(project.root, 'best'));
    const [heading, ...ranking] = readFileSync(path.join(project.root, 'best/best/ranking.csv'), 'utf8')
      .trim()
      .split('\n');
    assert.is(heading, 'model,learning_rate,epochs,seed,loss,accuracy');
    assert.equal(ranking.map((line) => line.split(',')[0]).sort(), cells);
    const losses = ranking.map((line) => Number(line.split(',')[4]));
    assert.equal(
      losses,
      losses.toSorted((a, b) => a - b),
    );

    mkdirSync(path.join(project.folder, 'notes'));
    project.write({ 'notes/unrelated.mjs': '// a comment\n' });
    assert.match(await output('run', 'select-best', '--dry-run'), '0 jobs to execute, 8 from the cache');

    // Another program that chooses: the trainings stay.
    const chooser = path.join(project.folder, 'select-best.mjs');
    writeFileSync(chooser, `${readFileSync(chooser, 'utf8')}// changed\n`);
    const second = await runAll();
    assert.equal(Object.values(second.states), ['cached', ...cells.map(() => 'cached'), 'done']);
    const why = await output('why', `${second.run}/select-best`);
    assert.match(why, /compared with .*:\n {2}file select-best\.mjs changed\n$/);

    // One more seed: only its cells are new, wherever they stand among the others.
    const workflows = path.join(project.folder, '.dstack/workflows.yaml');
    writeFileSync(workflows, readFileSync(workflows, 'utf8').replace('seed: [1, 2]', 'seed: [3, 1, 2]'));
    const plan = await output('run', 'select-best', '--dry-run');
    assert.match(plan, '4 jobs to execute, 7 from the cache');
    assert.match(plan, /matrix\.seed 1 → 3/);
  }),
);

test.run();
