import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, type TestProject, until, withProject } from './project.ts';

const workflows = (root: string) => `
workflows:
  - name: make
    artifacts: [result]
    commands:
      - echo $JOB_ID >> ${root}/executed
      - while [ ! -e ${root}/go ]; do sleep 0.1; done
      - if [ -e ${root}/fail ]; then rm ${root}/fail; exit 3; fi
      - echo 1 > result
`;

const executed = (project: TestProject) => linesOf(path.join(project.root, 'executed'));

/** Two runs of the same, and two runners, of which one executes a job by then. */
async function twoOfTheSame(project: TestProject) {
  const runs = [await project.submit(['make']), await project.submit(['make'])];
  const runners = ['one', 'two'].map((name) => project.startRunner(name, ['--drain', '--poll', '200ms']));
  await until('an execution', () => executed(project).length === 1);
  const [first = ''] = executed(project);
  const [begun, waiting] = first.startsWith(`${runs[0]}/`) ? runs : runs.toReversed();
  const end = async () => {
    writeFileSync(path.join(project.root, 'go'), '');
    for (const runner of runners) assert.is(await runner.exited, 0, runner.output());
    return Promise.all([begun, waiting].map((run) => project.record(run as string, 'make')));
  };
  return { begun: begun as string, waiting: waiting as string, end };
}

test(
  'two runs that need the same share one execution, and the status says so',
  withProject(workflows, async (project) => {
    const { begun, waiting, end } = await twoOfTheSame(project);
    // The other runner may have claimed it at the same moment, and be about to give it back.
    await until('the reason', async () => {
      const status = JSON.parse((await project.dstack(['status', waiting, '--json'])).stdout);
      return status.jobs[0].reason === `waits for ${begun}/make, which makes the same`;
    });
    const [first, second] = await end();
    assert.equal([first?.state, second?.state], ['done', 'cached']);
    assert.equal(second?.cachedFrom, { run: begun, job: 'make' });
    assert.is(executed(project).length, 1);
  }),
);

test(
  'if it fails there, the other takes over',
  withProject(workflows, async (project) => {
    writeFileSync(path.join(project.root, 'fail'), '');
    const { end } = await twoOfTheSame(project);
    const [first, second] = await end();
    assert.equal([first?.state, second?.state], ['failed', 'done']);
    assert.is(executed(project).length, 2);
    assert.not.ok(existsSync(path.join(project.root, 'fail')));
  }),
);

test(
  'who does not ask the cache does not wait',
  withProject(workflows, async (project) => {
    await project.submit(['make']);
    const runners = ['one', 'two'].map((name) => project.startRunner(name, ['--drain', '--poll', '200ms']));
    await until('an execution', () => executed(project).length === 1);
    await project.submit(['make', '--no-cache']);
    await until('two executions', () => executed(project).length === 2);
    writeFileSync(path.join(project.root, 'go'), '');
    for (const runner of runners) assert.is(await runner.exited, 0, runner.output());
  }),
);

test.run();
