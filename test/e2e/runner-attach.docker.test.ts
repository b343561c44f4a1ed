import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dockerForTests } from '../executor/docker-support.ts';
import { executable, interrupted, openTerminal } from './cli-support.ts';
import { type TestProject, until, withProject } from './project.ts';

const docker = await dockerForTests();

const workflows = `workflows:
  - name: train
    image: dstack-test/busybox
    working_dir: part
    env: {COLOUR: blue}
    commands: ['while [ ! -e ended ]; do sleep 0.1; done']
  - name: eval
    image: dstack-test/busybox
    commands: ['sleep 1000']
`;

/** A job that runs in its container. @returns its run, and how to end it */
async function running(project: TestProject): Promise<{ run: string; end(): void }> {
  project.write({ 'part/file.txt': 'content\n' });
  project.startRunner('gpu-1', ['--executor', 'docker']);
  const run = await project.submit(['train']);
  await until('the job runs', async () => {
    const { stdout } = await project.dstack(['status', run, '--json']);
    return (JSON.parse(stdout) as { state: string }).state === 'running';
  });
  const end = async () => project.dstack(['runner', 'attach', run, '--', 'touch', 'ended']);
  return { run, end: () => void end() };
}

if (docker !== undefined) {
  test(
    "in a pipe input and output pass through a job's container, and the exit code comes back",
    withProject(workflows, async (project) => {
      const { run, end } = await running(project);
      const attach = (words: string[], input = '') =>
        project.dstack(['runner', 'attach', `${run}/train`, ...words], { input });
      const shown = await attach([
        '--',
        'sh',
        '-c',
        'pwd; cat file.txt; echo "$COLOUR $RUN_NAME"; echo bad >&2; exit 7',
      ]);
      assert.equal(shown, {
        exitCode: 7,
        stdout: `/workflow/part\ncontent\nblue ${run}\n`,
        stderr: 'bad\n',
      });
      assert.equal(await attach(['--', 'wc', '-c'], 'x'.repeat(100_000)), {
        exitCode: 0,
        stdout: '100000\n',
        stderr: '',
      });
      assert.is((await attach([], 'echo $COLOUR\nexit 3\n')).exitCode, 3);
      const fromFile = await promisify(execFile)(
        'sh',
        [
          '-c',
          'exec "$@" <part/file.txt',
          'sh',
          process.execPath,
          executable,
          'runner',
          'attach',
          run,
          '--',
          'cat',
        ],
        { cwd: project.folder, env: project.env },
      );
      assert.equal(fromFile, { stdout: 'content\n', stderr: '' });
      const missing = await attach(['--', 'no-such-program']);
      assert.ok(missing.exitCode > 0);
      assert.match(missing.stdout + missing.stderr, /no-such-program/);
      // Nothing of the repository is needed.
      const elsewhere = await project.dstack(['runner', 'attach', run.slice(0, -2), '--', 'true'], {
        cwd: project.root,
      });
      assert.is(elsewhere.exitCode, 0, elsewhere.stderr);
      end();
      assert.is((await project.record(run, 'train')).state, 'done');
      const over = await attach([]);
      assert.is(over.exitCode, 1);
      assert.match(over.stderr, /has ended: done\n hint: dstack logs/);
    }),
  );

  test(
    "on a terminal there is a shell of the window's size, keys are its own, and the terminal is given back",
    withProject(workflows, async (project) => {
      const { run, end } = await running(project);
      const tmux = await openTerminal(project);
      try {
        tmux.send(`dstack runner attach ${run}/train`, 'Enter');
        await tmux.until('its prompt', (lines) => lines.some((line) => /\/workflow\/part [#$]$/.test(line)));
        tmux.send('stty size; echo "term $TERM"', 'Enter');
        await tmux.until(
          'its size',
          (lines) => lines.includes('30 100') && lines.some((line) => /^term \S/.test(line)),
        );
        tmux.resize(70, 20);
        await until('the new size', () => {
          tmux.send('stty size', 'Enter');
          return tmux.screen().includes('20 70');
        });
        // Ctrl+C ends what runs in there, not the shell.
        tmux.send('sleep 1000', 'Enter');
        await interrupted(tmux, /part [#$]$/);
        tmux.send('echo still-$((40+2))', 'Enter');
        await tmux.until('the shell', (lines) => lines.includes('still-42'));
        tmux.send('exit 5', 'Enter');
        await tmux.until('its end', (lines) => lines.includes('ended with 5'));
        tmux.send('stty -a', 'Enter');
        const settings = await tmux.until('stty', (lines) =>
          lines.some((line) => / -?icanon /.test(` ${line} `)),
        );
        assert.match(settings.join(' '), / icanon .* echo /);

        await tmux.clear();
        tmux.send(`dstack runner attach ${run}`, 'Enter');
        await tmux.until('its prompt again', (lines) =>
          lines.some((line) => /[#$]$/.test(line) && line.includes('part')),
        );
        end();
        await tmux.until('the end of the job', (lines) => lines.includes(`${run}/train has ended`));
        await tmux.until('the exit code', (lines) => lines.includes('ended with 1'));
      } finally {
        tmux.close();
      }
      assert.is((await project.record(run, 'train')).state, 'done');
    }),
  );

  test(
    'a window that is closed takes along what runs in it, and nothing else of the job',
    withProject(workflows, async (project) => {
      const { run, end } = await running(project);
      const processes = async () => (await project.dstack(['runner', 'attach', run, '--', 'ps'])).stdout;
      const words = [executable, 'runner', 'attach', run, '--', 'sh', '-c', 'sleep 4321; sleep 4321'];
      const child = spawn(process.execPath, words, { cwd: project.folder, env: project.env, stdio: 'pipe' });
      const exited = once(child, 'exit');
      await until('what runs in it', async () => (await processes()).includes('sleep 4321'));
      child.kill('SIGHUP');
      assert.equal(await exited, [129, null]);
      await until('its end', async () => !(await processes()).includes('sleep 4321'));
      end();
      assert.is((await project.record(run, 'train')).state, 'done');
    }),
  );

  test(
    "what can't be entered is told: unknown, not begun, ambiguous, in another Docker",
    withProject(workflows, async (project) => {
      const attach = (name: string, env: NodeJS.ProcessEnv = {}) =>
        project.dstack(['runner', 'attach', name], { env });
      const { stderr: unknown } = await attach('brave-otter/train');
      assert.match(unknown, /error: there is no run "brave-otter"/);
      project.write({ 'part/file.txt': 'content\n' });
      const waiting = await project.submit(['train']);
      assert.match((await attach(waiting)).stderr, /\/train has not begun: waits for a runner/);
      project.startRunner('gpu-1', ['--executor', 'docker', '--concurrency', '2']);
      const second = await project.submit(['eval', '--name', `${waiting}-2`]);
      await until('both run', async () => {
        const { stdout } = await project.dstack(['status', '--json', '--state', 'running']);
        return (JSON.parse(stdout) as { runs: unknown[] }).runs.length === 2;
      });
      const both = await attach(waiting.slice(0, -1));
      assert.match(both.stderr, /can be any of 2 jobs\n hint: write which: /);
      assert.is(both.exitCode, 1);
      assert.match((await attach(`${second}/train`)).stderr, /has no job "train"/);
      const away = path.join(project.root, 'no.sock');
      const unseen = await attach(`${second}/eval`, { DOCKER_HOST: `unix://${away}` });
      assert.match(
        unseen.stderr,
        /runs on gpu-1, but can't be seen here \(Docker is not installed or not running/,
      );
      await project.dstack(['stop', waiting, '--abort', '-y']);
      await project.dstack(['stop', second, '--abort', '-y']);
      assert.is((await project.record(second, 'eval')).state, 'aborted');
    }),
  );
}

test.run();
