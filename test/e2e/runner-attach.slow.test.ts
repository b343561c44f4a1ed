import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interrupted, openTerminal } from './cli-support.ts';
import { type TestProject, until, withProject } from './project.ts';

const workflows = (root: string) => `workflows:
  - name: train
    working_dir: part
    env: {COLOUR: blue}
    commands:
      - echo $PPID >own
      - while [ ! -e '${root}/ended' ]; do sleep 0.1; done
`;

async function running(project: TestProject): Promise<{ run: string; end(): void }> {
  project.write({ 'part/file.txt': 'content\n' });
  project.startRunner('cpu-1', ['--executor', 'process']);
  const run = await project.submit(['train']);
  await until('the job runs', async () => {
    const { exitCode } = await project.dstack(['runner', 'attach', run, '--', 'cat', 'own']);
    return exitCode === 0;
  });
  return { run, end: () => writeFileSync(path.join(project.root, 'ended'), '') };
}

test(
  'beside a plain process there is its folder, its variables, and none of what tells its processes',
  withProject(workflows, async (project) => {
    const { run, end } = await running(project);
    const attach = (words: string[], input = '') =>
      project.dstack(['runner', 'attach', `${run}/train`, ...words], { input, env: { MINE: 'no' } });
    const shown = await attach(['--', 'sh', '-c', 'cat file.txt; echo "$COLOUR $RUN_NAME $MINE"; exit 7']);
    assert.equal(shown, { exitCode: 7, stdout: `content\nblue ${run} \n`, stderr: '' });
    assert.not.match((await attach(['--', 'env'])).stdout, /DSTACK_EXECUTION/);
    assert.is((await attach([], 'kill -TERM $$\n')).exitCode, 128 + 15);
    const missing = await attach(['--', 'no-such-program']);
    assert.match(missing.stderr, /error: no-such-program can't be run there/);
    // It is none of the job's processes: its end is not waited for, but it comes with the job's.
    const left = attach(['--', 'sleep', '1000']);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    end();
    assert.is((await project.record(run, 'train')).state, 'done');
    const { exitCode, stderr } = await left;
    assert.is(exitCode, 1);
    assert.is(stderr, `${run}/train has ended\n`);
  }),
);

test(
  'on a terminal its shell takes the keys, and gives the terminal back',
  withProject(workflows, async (project) => {
    const { run, end } = await running(project);
    const tmux = await openTerminal(project, { PS1: 'inside> ' });
    try {
      tmux.send(`dstack runner attach ${run}`, 'Enter');
      await tmux.until('its prompt', (lines) => lines.some((line) => /[#$]$/.test(line)));
      tmux.send('sleep 1000', 'Enter');
      await interrupted(tmux, /[#$]$/);
      tmux.send('echo $COLOUR-$((40+2))', 'Enter');
      await tmux.until('the shell', (lines) => lines.includes('blue-42'));
      tmux.send('exit 4', 'Enter');
      await tmux.until('its end', (lines) => lines.includes('ended with 4'));
      tmux.send('echo typed-$((40+2))', 'Enter');
      await tmux.until('what is typed', (lines) => lines.includes('typed-42'));
    } finally {
      tmux.close();
      end();
    }
    assert.is((await project.record(run, 'train')).state, 'done');
  }),
);

test.run();
