import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { executable } from './cli-support.ts';
import { createProject, type TestProject, until } from './project.ts';

const workflows = `
workflows:
  - name: train
    commands: ['echo training with $LEARNING_RATE']
  - name: long
    commands: [sleep 3]
`;

const test = suite<{ project: TestProject; clone: string }>('what plain Git shows');

test.before(async (context) => {
  const project = await createProject(workflows);
  context.project = project;
  project.write({
    '.dstack/variables.yaml': 'variables: {train: {learning_rate: 0.1}}\n',
    'model.py': 'layers = 2\n',
    'old.txt': 'to be deleted\n',
    'run.sh': '#!/bin/sh\n',
  });
  const git = (...args: string[]) => project.git(args, { cwd: project.folder });
  await git('add', '.');
  await git('commit', '--quiet', '-m', 'more');
  await git('push', '--quiet', project.shared, 'main');
  // As the hook finds it in an installation.
  await project.git(['config', 'dstack.command', executable]);
  await project.submit(['train', '--name', 'first-run']);
  await project.dstack(['runner', 'start', '--drain', '--executor', 'process']);

  project.write({ 'model.py': 'layers = 3\n', 'sub/new file.txt': 'new\n', 'staged.txt': 'staged\n' });
  rmSync(path.join(project.folder, 'old.txt'));
  execFileSync('chmod', ['+x', path.join(project.folder, 'run.sh')]);
  symlinkSync('model.py', path.join(project.folder, 'link'));
  await git('add', 'staged.txt');
  await project.submit(['train', '--name', 'second-run', '--learning-rate', '0.5', '--reason', 'a try']);
  const { exitCode, stderr } = await project.dstack(['runner', 'start', '--drain', '--executor', 'process']);
  assert.is(exitCode, 0, stderr);
  context.clone = path.join(project.root, 'clone');
  await project.git(['clone', '--quiet', project.shared, context.clone], { cwd: project.root });
});
test.after(({ project }) => project.remove());

/** Newest first: run, workflow, state, duration, overridden variables. */
function assertHistory(text: string): void {
  const subjects = text.split('\n');
  assert.is(subjects.length, 2, text);
  assert.match(subjects[0] ?? '', /^second-run {2}train {2}done {2}[\d.]+s {2}learning_rate=0\.5$/);
  assert.match(subjects[1] ?? '', /^first-run {2}train {2}done {2}[\d.]+s$/);
}

test('git log refs/dstack/runs in the bare repository, kept by its hook', async ({ project }) => {
  const log = () => project.git(['log', '--format=%s', 'refs/dstack/runs', '--']);
  await until("the hook's sync", async () => /second-run {2}train {2}done/.test(await log()));
  assertHistory(await log());
});

test('git log refs/dstack/runs in a clone, after a sync', async ({ project, clone }) => {
  const { exitCode, stderr } = await project.dstack(['sync'], {
    cwd: clone,
    env: { DSTACK_REMOTE: 'origin' },
  });
  assert.is(exitCode, 0, stderr);
  assert.match(stderr, /^2 runs, 2 of them new or changed; read them with: git log refs\/dstack\/runs\n$/);
  assertHistory(await project.git(['log', '--format=%s', 'refs/dstack/runs'], { cwd: clone }));
  const body = await project.git(['log', '-1', '--format=%b', 'refs/dstack/runs'], { cwd: clone });
  assert.match(body, /^a try\n/);
});

test('the log is a note on the run', async ({ project, clone }) => {
  const text = await project.git(['log', '-1', '--notes=dstack/*', 'refs/dstack/runs/second-run'], {
    cwd: clone,
  });
  assert.match(text, /training with 0\.5/);
});

test('git show of a run prints just the uncommitted changes', async ({ project, clone }) => {
  const names = await project.git(['show', '--format=', '--name-status', 'refs/dstack/runs/second-run'], {
    cwd: clone,
  });
  assert.equal(names.split('\n').sort(), [
    'A\tlink',
    'A\tstaged.txt',
    'A\tsub/new file.txt',
    'D\told.txt',
    'M\tmodel.py',
    'M\trun.sh',
  ]);
  const subject = await project.git(['log', '-1', '--format=%s', 'refs/dstack/runs/second-run'], {
    cwd: clone,
  });
  assert.match(subject, /^second-run: train --learning[_-]rate 0\.5$/);
});

test('a snapshot of a dirty tree, checked out, is the tree', async ({ project, clone }) => {
  const same = (folder: string) =>
    execFileSync('diff', ['-r', '--no-dereference', '--exclude=.git', project.folder, folder]);
  const tree = path.join(project.root, 'tree');
  await project.git(['worktree', 'add', '--quiet', '--detach', tree, 'refs/dstack/runs/second-run'], {
    cwd: clone,
  });
  same(tree);
  const checkedOut = path.join(project.root, 'checked-out');
  const { exitCode, stderr } = await project.dstack(['checkout', 'second', '-o', checkedOut]);
  assert.is(exitCode, 0, stderr);
  same(checkedOut);
  assert.is(existsSync(path.join(checkedOut, 'old.txt')), false);
});

test('a run that was followed is in the history without a sync; what others did came while it lasted', async ({
  project,
}) => {
  const runner = project.startRunner('one', ['--executor', 'process']);
  const log = async () =>
    (await project.git(['log', '--format=%s', 'refs/dstack/runs'], { cwd: project.folder })).split('\n');
  assert.is((await project.dstack(['run', 'train', '--name', 'run-3'])).exitCode, 0);
  assert.match((await log())[0] ?? '', /^run-3 {2}train {2}done/);
  assert.is((await project.dstack(['run', 'long', '--name', 'run-4'])).exitCode, 0);
  const lines = (await log()).map((line) => line.split(/ {2}/).slice(0, 3).join(' '));
  const ended = ['run-4 long done', 'run-3 train done', 'second-run train done', 'first-run train done'];
  assert.equal(lines, ended);
  runner.kill('SIGTERM');
  await runner.exited;
});

test.run();
