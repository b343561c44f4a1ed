import { rmSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type TestProject, withProject } from './project.ts';

const workflows = `
workflows:
  - name: prepare
    artifacts: [clean]
    commands: ['cat data > clean']
  - name: train
    depends-on: ['prepare:good']
    env: [COMMIT_STYLE, FIXED=1]
    commands: ['echo "$(cat clean) $(cat code) $COMMIT_STYLE $lr"']
`;

async function drain(project: TestProject): Promise<void> {
  const runner = project.startRunner('one', ['--drain']);
  assert.is(await runner.exited, 0, runner.output());
}

test(
  'rerun: the code, variables, environment and inputs of then, whatever there is now',
  withProject(workflows, async (project) => {
    project.write({
      '.dstack/variables.yaml': 'variables: {train: {lr: 0.1}}\n',
      code: 'old',
      data: 'first',
    });
    const output = async (...args: string[]) => {
      const { exitCode, stdout, stderr } = await project.dstack(args, { env: { COMMIT_STYLE: 'now' } });
      assert.is(exitCode, 0, stderr);
      return stdout.trim();
    };
    const prepared = await project.submit(['prepare', '--tag', 'good']);
    await drain(project);
    const first = await project.submit(['train', '--lr', '0.2'], { env: { COMMIT_STYLE: 'then' } });
    await drain(project);
    assert.is(await project.log(first, 'train'), 'first old then 0.2');

    project.write({ code: 'new', data: 'second', '.dstack/workflows.yaml': 'workflows: []\n' });
    await output('untag', 'good');
    assert.match(await output('rerun', first, '--dry-run'), `cached from ${first}/train`);
    await output('tag', first, 'keep');
    const again = await output('rerun', ':keep', '--no-cache', '--detach');
    await drain(project);
    assert.is.not(again, first);
    assert.is(await project.log(again, 'train'), 'first old then 0.2');
    const trees = [first, again].map((run) => project.git(['rev-parse', `refs/dstack/runs/${run}^{tree}`]));
    assert.is(await trees[0], await trees[1]);
    const message = await project.git(['log', '-1', '--format=%B', `refs/dstack/runs/${again}`]);
    assert.match(message, `rerun of ${first}`);

    const other = await output(
      'rerun',
      first,
      '--lr=0.3',
      '--detach',
      '--name',
      'other',
      '--reason',
      'a try',
    );
    await drain(project);
    assert.is(other, 'other');
    assert.is(await project.log('other', 'train'), 'first old then 0.3');
    const taken = await project.dstack(['rerun', prepared, '--no-such', '1', '-d']);
    assert.is(taken.exitCode, 2);
    assert.match(taken.stderr, 'no variable');
  }),
);

test(
  'rerun follows to the end, and here if it was run here',
  withProject('workflows: [{name: work, commands: [cat code]}]\n', async (project) => {
    project.write({ code: 'old\n' });
    const first = await project.dstack(['run', 'work', '--local', '--name', 'first']);
    assert.is(first.exitCode, 0, first.stderr);
    rmSync(`${project.folder}/code`);
    const again = await project.dstack(['rerun', 'first', '--no-cache']);
    assert.is(again.exitCode, 0, again.stderr);
    assert.match(again.stdout, 'old');
    const detached = await project.dstack(['rerun', 'first', '--detach']);
    assert.is(detached.exitCode, 2);
    assert.match(detached.stderr, /first is a run of --local: .* --detach\n.*hint: leave out --detach/);
    // What was run elsewhere can be run here.
    project.write({ code: 'third\n' });
    const run = await project.submit(['work']);
    const here = await project.dstack(['rerun', run, '--local']);
    assert.is(here.exitCode, 0, here.stderr);
    assert.match(here.stdout, 'third');
  }),
);

test.run();
