import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePort } from '../git/free-port.ts';
import { linesOf, type TestProject, until, withProject } from './project.ts';

const workflows = (root: string) => `
workflows:
  - {name: train, on: {push: {branches: main}}, commands: ['echo $RUN_NAME >> ${root}/begun', cat data]}
  - {name: other, commands: [exit 1]}
`;
const begun = (project: TestProject) => linesOf(path.join(project.root, 'begun'));
const seen = (project: TestProject) =>
  until('the first look', () => project.git(['rev-parse', '--verify', '-q', 'refs/dstack/triggers/seen']));

async function push(project: TestProject, files: Record<string, string>): Promise<void> {
  project.write(files);
  const cwd = project.folder;
  await project.git(['add', '.'], { cwd });
  await project.git(['commit', '--quiet', '--message=change'], { cwd });
  await project.git(['push', '--quiet', project.shared, 'HEAD:refs/heads/main'], { cwd });
}

async function onlyRun(project: TestProject): Promise<string> {
  await until('a run', async () => (await project.refs('runs')).length > 0);
  const [run = ''] = await project.refs('runs');
  assert.is((await project.record(run, 'train')).state, 'done');
  assert.equal(await project.refs('runs'), [run]);
  assert.equal(begun(project), [run]);
  return run;
}

const useHook = (project: TestProject) =>
  project.git(['config', 'dstack.command', fileURLToPath(new URL('../../dist/dstack.js', import.meta.url))]);

test(
  'an ordinary push is run once, though runners and the hook see it; what is wrong with it is a failed run',
  withProject(workflows, async (project) => {
    await useHook(project);
    const runners = ['a', 'b', 'c'].map((name) => project.startRunner(name, ['--poll', '200ms']));
    await seen(project);
    await push(project, { data: 'pushed' });
    const run = await onlyRun(project);
    assert.is(await project.log(run, 'train'), 'pushed');

    await push(project, { '.dstack/workflows.yaml': 'workflows: [{name: x, on: push, comands: [a]}]\n' });
    await until('another run', async () => (await project.refs('runs')).length === 2);
    const wrong = (await project.refs('runs')).find((name) => name !== run) as string;
    const record = await project.record(wrong, 'rejected');
    assert.is(record.state, 'failed');
    assert.match(record.reason ?? '', '`x` has no `commands`');
    const logs = await project.dstack(['logs', wrong]);
    assert.match(logs.stdout, 'did you mean `commands`?');
    const status = await project.dstack(['status', '--plain']);
    assert.match(status.stdout, wrong);
    for (const runner of runners) runner.kill('SIGTERM');
    for (const runner of runners) assert.is(await runner.exited, 0, runner.output());
    assert.is(begun(project).length, 1);
  }),
);

test(
  'the hook alone submits, for whoever comes later',
  withProject(workflows, async (project) => {
    await useHook(project);
    await push(project, { data: 'first' });
    await seen(project);
    await push(project, { data: 'second' });
    await until('a run', async () => (await project.refs('runs')).length === 1);
    const runner = project.startRunner('late', ['--drain']);
    assert.is(await runner.exited, 0, runner.output());
    assert.is(await project.log(await onlyRun(project), 'train'), 'second');
  }),
);

test(
  'what a push starts, and what is wrong with it, is nothing to the guard of the ledger',
  withProject(workflows, async (project) => {
    const installed = await project.dstack(['hook', 'install', '--guard', project.shared]);
    assert.is(installed.exitCode, 0, installed.stderr);
    const runner = project.startRunner('one', ['--poll', '200ms']);
    await seen(project);
    await push(project, { data: 'pushed' });
    const run = await onlyRun(project);
    await push(project, { '.dstack/workflows.yaml': 'workflows: [{name: x, on: push, comands: [a]}]\n' });
    await until('another run', async () => (await project.refs('runs')).length === 2);
    const wrong = (await project.refs('runs')).find((name) => name !== run) as string;
    assert.is((await project.record(wrong, 'rejected')).state, 'failed');
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
    assert.not.match(runner.output(), /can't be submitted|refused|dstack: /);
  }),
);

test(
  'runners that only poll start it as well, from another machine',
  withProject(workflows, async (project) => {
    const port = await freePort();
    const options = ['--export-all', '--enable=receive-pack', '--reuseaddr', '--listen=127.0.0.1'];
    const daemon: ChildProcess = spawn(
      'git',
      ['daemon', ...options, `--port=${port}`, `--base-path=${project.root}`, project.root],
      { env: project.env, stdio: 'ignore', detached: true },
    );
    try {
      const url = `git://127.0.0.1:${port}/${path.basename(project.shared)}`;
      await until('the server', () => project.git(['ls-remote', url]).then(() => true));
      const env = { DSTACK_REMOTE: url, DSTACK_STORE: `file:${project.store}` };
      const runners = ['far', 'farther'].map((name) => project.startRunner(name, ['--poll', '200ms'], env));
      await seen(project);
      await push(project, { data: 'pushed' });
      const run = await onlyRun(project);
      assert.is(await project.log(run, 'train'), 'pushed');
      for (const runner of runners) runner.kill('SIGTERM');
      for (const runner of runners) assert.is(await runner.exited, 0, runner.output());
    } finally {
      process.kill(-(daemon.pid as number), 'SIGKILL');
    }
  }),
);

test.run();
