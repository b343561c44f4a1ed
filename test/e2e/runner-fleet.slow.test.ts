import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createProject, linesOf, until } from './project.ts';

const runners = 20;
const runs = 2;
const jobsPerRun = 50;

/** As many jobs as a run is to have: the last of them waits for the others. */
function workflowsInto(ledger: string): string {
  const names = Array.from({ length: jobsPerRun - 1 }, (_, index) => `work-${index + 1}`);
  const commands = `commands: ['echo "$JOB_ID" >> "${ledger}"', 'echo "this is $JOB_ID, batch ${'${{ batch }}'}"']`;
  return [
    'workflows:',
    ...names.map((name) => `  - {name: ${name}, ${commands}}`),
    `  - {name: last, depends-on: {workflows: [${names.join(', ')}]}, ${commands}}`,
    '',
  ].join('\n');
}

test('twenty runners share a hundred jobs: each runs once, and nothing is left over', async () => {
  const project = await createProject('workflows: []\n');
  try {
    const ledger = path.join(project.root, 'executed');
    project.write({
      '.dstack/workflows.yaml': workflowsInto(ledger),
      '.dstack/variables.yaml': 'variables: {global: {batch: 0}}\n',
    });
    const names: string[] = [];
    for (let batch = 1; batch <= runs; batch += 1)
      names.push(await project.submit(['last', '--no-cache', '--batch', String(batch)]));
    const fleet = Array.from({ length: runners }, (_, index) => project.startRunner(`runner-${index}`));
    const allEnded = async () => (await project.refs('jobs')).length === runs * jobsPerRun;
    await until('the end of all jobs', allEnded, 600_000);
    await until('the end of settling', async () => (await project.refs('queue')).length === 0);
    await until('the end of settling', async () => (await project.refs('claims')).length === 0);
    for (const runner of fleet) runner.kill('SIGTERM');
    const exits = await Promise.all(fleet.map((runner) => runner.exited));

    assert.equal(
      exits.filter((code) => code !== 0),
      [],
      fleet.map((runner) => runner.output()).join('\n'),
    );
    const executed = linesOf(ledger).sort();
    const wanted = names.flatMap((run) =>
      Array.from({ length: jobsPerRun }, (_, index) => `${run}/${index === 0 ? 'last' : `work-${index}`}`),
    );
    assert.equal(executed, wanted.sort());
    for (const area of ['queue', 'claims', 'stops', 'runners'])
      assert.equal(await project.refs(area), [], area);
    const status = await project.dstack(['status', '--json']);
    const states = JSON.parse(status.stdout).runs.map((run: { state: string }) => run.state);
    assert.equal(states, ['done', 'done']);
    const notes = await project.git(['for-each-ref', '--format=%(refname)', 'refs/notes/dstack/']);
    assert.is(notes.split('\n').length, runs * jobsPerRun);
    assert.is(await project.log(names[0] as string, 'work-7'), `this is ${names[0]}/work-7, batch 1`);
  } finally {
    await project.remove();
  }
});

test.run();
