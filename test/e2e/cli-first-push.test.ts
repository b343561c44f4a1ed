import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tmux } from '../tui/tmux.ts';
import { fails, openTerminal } from './cli-support.ts';
import { createProject, type TestProject } from './project.ts';

const workflows = `
workflows:
  - name: train
    commands: [echo training]
`;

const test = suite<{ project: TestProject; terminal: Tmux; ssh: string }>(
  'the first push to another machine',
);

test.before(async (context) => {
  const project = await createProject(workflows);
  context.project = project;
  rmSync(path.join(project.folder, '.dstackrc'));
  await project.git(['remote', 'add', 'origin', `far-away:${project.shared}`], { cwd: project.folder });
  // The other machine is this one: the last argument is the command that would be run there.
  context.ssh = path.join(project.root, 'ssh');
  writeFileSync(context.ssh, '#!/bin/sh\nfor last; do :; done\neval "$last"\n', { mode: 0o755 });
  context.terminal = await openTerminal(project, { GIT_SSH: context.ssh });
});
test.after(async ({ project, terminal }) => {
  terminal?.close();
  await project.remove();
});

const ended = (lines: string[]) => lines.some((line) => line.startsWith('ended with'));

test('in a pipe it is an error with the ways out, and nothing is pushed', async ({ project, ssh }) => {
  await fails(
    project,
    ['run', 'train', '-d'],
    {
      exitCode: 1,
      words: [/snapshots may go to far-away:/, /dstack init --remote origin.*DSTACK_REMOTE=origin/],
    },
    { env: { GIT_SSH: ssh } },
  );
  assert.equal(await project.refs('runs'), []);
  assert.is(existsSync(path.join(project.folder, '.dstackrc')), false);
});

test('on a terminal it is asked; no, or Ctrl+C, pushes nothing and remembers nothing', async ({
  project,
  terminal,
}) => {
  for (const keys of [['n', 'Enter'], ['Enter'], ['C-c']]) {
    await terminal.clear();
    terminal.send('dstack run train -d', 'Enter');
    await terminal.until('the question', (lines) => lines.join('').includes('[y/N]'));
    terminal.send(...keys);
    const text = (await terminal.until('the end', ended)).join('\n');
    assert.match(text, /nothing was pushed/);
    assert.match(text, 'ended with 130');
  }
  assert.equal(await project.refs('runs'), []);
  assert.is(existsSync(path.join(project.folder, '.dstackrc')), false);
});

test('yes is remembered, so that it is asked once', async ({ project, terminal, ssh }) => {
  await terminal.clear();
  terminal.send('dstack run train -d', 'Enter');
  await terminal.until('the question', (lines) => lines.join('').includes('[y/N]'));
  terminal.send('y', 'Enter');
  const text = (await terminal.until('the end', ended)).join('\n');
  assert.match(text, 'ended with 0');
  assert.is(readFileSync(path.join(project.folder, '.dstackrc'), 'utf8'), 'remote: origin\n');
  const again = await project.dstack(['run', 'train', '-d'], { env: { GIT_SSH: ssh } });
  assert.is(again.exitCode, 0, again.stderr);
  assert.is((await project.refs('runs')).length, 2);
});

test.run();
