import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scratchIn, userState } from '../git/scratch-repository.ts';
import type { Tmux } from '../tui/tmux.ts';
import { executable, openTerminal } from './cli-support.ts';
import { createProject, type TestProject, until } from './project.ts';

const workflows = `
workflows:
  - name: train
    commands:
      - trap 'exit 0' TERM
      - echo begun
      - while [ ! -e "$GO_ON" ]; do sleep 0.1; done
      - echo over
    env: [GO_ON]
`;

const test = suite<{ project: TestProject; terminal: Tmux; goOn: string }>('Ctrl+C');

test.before(async (context) => {
  const project = await createProject(workflows);
  context.project = project;
  context.goOn = path.join(project.root, 'go-on');
  context.terminal = await openTerminal(project, {
    GO_ON: context.goOn,
    DSTACK_RUNNER_POLL: '200ms',
    DSTACK_RUNNER_LEASE: '4s',
    DSTACK_RUNNER_GRACE: '5s',
  });
});
test.after(async ({ project, terminal }) => {
  terminal?.close();
  await project.remove();
});
test.before.each(({ terminal }) => terminal.clear());

const seen = (words: string | RegExp) => (lines: string[]) => {
  const text = lines.join('');
  return typeof words === 'string' ? text.includes(words) : words.test(text);
};

/** Types `dstack …` and waits for words on the screen. */
async function type(terminal: Tmux, command: string, awaited: string | RegExp): Promise<void> {
  terminal.send(`dstack ${command}`, 'Enter');
  await terminal.until(String(awaited), seen(awaited));
}

async function ends(terminal: Tmux, exitCode: number): Promise<string> {
  const lines = await terminal.until(`the exit code ${exitCode}`, seen(/ended with \d+/));
  const text = lines.join('\n');
  assert.match(text, `ended with ${exitCode}`);
  return text;
}

/** The names of runs, and that nothing is left of jobs that have ended. */
async function runs(project: TestProject): Promise<string[]> {
  return project.refs('runs');
}

test('during the snapshot: nothing is submitted, and the repository is as it was', async ({
  project,
  terminal,
}) => {
  const started = path.join(project.root, 'filter-started');
  const slow = `touch '${started}'; sleep 60; cat`;
  const git = (...args: string[]) => project.git(args, { cwd: project.folder });
  await git('config', 'filter.slow.clean', slow);
  project.write({ '.gitattributes': '*.slow filter=slow\n', 'data.slow': 'data\n' });
  const before = userState(scratchIn(project.folder));
  terminal.send('dstack run train', 'Enter');
  await until('the clean filter', () => existsSync(started));
  terminal.send('C-c');
  assert.match(await ends(terminal, 130), /interrupted: nothing was submitted/);
  assert.equal(userState(scratchIn(project.folder)), before);
  assert.equal(await runs(project), []);
  rmSync(path.join(project.folder, 'data.slow'));
  rmSync(path.join(project.folder, '.gitattributes'));
});

test('during the push: says whether it was submitted, either way', async ({ project, terminal }) => {
  const hook = path.join(project.shared, 'hooks/pre-receive');
  const pushing = path.join(project.root, 'pushing');
  const answer = path.join(project.root, 'answer');
  mkdirSync(path.dirname(hook), { recursive: true });
  writeFileSync(
    hook,
    `#!/bin/sh\ntouch '${pushing}'\nwhile [ ! -e '${answer}' ]; do sleep 0.1; done\nexit $(cat '${answer}')\n`,
    { mode: 0o755 },
  );
  for (const [code, words] of [
    ['1', /nothing was submitted/],
    ['0', /had been submitted[\s\S]*dstack stop/],
  ] as const) {
    await terminal.clear();
    terminal.send('dstack run train --name pushed', 'Enter');
    await until('the push', () => existsSync(pushing));
    terminal.send('C-c');
    await terminal.until('the answer', seen('interrupted: finding out'));
    writeFileSync(answer, code);
    assert.match(await ends(terminal, 130), words);
    assert.equal(await runs(project), code === '1' ? [] : ['pushed']);
    rmSync(answer);
    rmSync(pushing);
  }
  rmSync(hook);
  const { exitCode } = await project.dstack(['stop', 'pushed', '-y']);
  assert.is(exitCode, 0);
});

test('while it waits for a runner: continue, then detach', async ({ project, terminal }) => {
  await type(terminal, 'run train --name waiting', 'waits for a runner');
  await terminal.until('how one is had', seen('there is no runner: `dstack runner start` starts one'));
  terminal.send('C-c');
  await terminal.until('the question', seen('[c]ontinue'));
  terminal.send('c', 'Enter');
  await terminal.until('the answer', seen(/watch\? c/));
  terminal.send('C-c');
  await terminal.until('the question again', seen(/watch\? c.*ontinue to watch\?/s));
  terminal.send('d', 'Enter');
  assert.match(await ends(terminal, 130), /waiting goes on without you: `dstack logs -f waiting`/);
  assert.equal(await project.refs('queue'), ['waiting/train']);
  await terminal.clear();
  await type(terminal, 'logs -f waiting', 'there is no runner: `dstack runner start` starts one');
  terminal.send('C-c');
  await ends(terminal, 130);
});

test('while it waits for a runner: stop ends it, though there is no runner', async ({
  project,
  terminal,
}) => {
  await type(terminal, 'run train --name unwanted', 'waits for a runner');
  terminal.send('C-c');
  await terminal.until('the question', seen('[s]top unwanted'));
  terminal.send('s', 'Enter');
  assert.match(await ends(terminal, 130), /unwanted +■ stopped/);
  assert.is((await project.record('unwanted', 'train')).state, 'stopped');
});

test('Ctrl+C at the question detaches, and what goes on can be stopped from elsewhere', async ({
  project,
  terminal,
}) => {
  await type(terminal, 'run train --name asked', 'waits for a runner');
  terminal.send('C-c');
  await terminal.until('the question', seen('[s]top asked'));
  terminal.send('C-c');
  assert.match(await ends(terminal, 130), /asked goes on without you/);
  for (const run of ['waiting', 'asked']) {
    const { exitCode, stderr } = await project.dstack(['stop', run, '-y']);
    assert.is(exitCode, 0, stderr);
  }
  assert.equal(await project.refs('queue'), []);
  assert.equal(await project.refs('claims'), []);
});

test('while it runs: stop, answered by the runner', async ({ project, terminal, goOn }) => {
  const runner = project.startRunner('r', ['--executor', 'process', '--poll', '200ms']);
  await type(terminal, 'run train --name running', 'begun');
  terminal.send('C-c');
  await terminal.until('the question', seen('[s]top running'));
  terminal.send('s', 'Enter');
  assert.match(await ends(terminal, 130), /running +■ stopped/);
  assert.is((await project.record('running', 'train')).state, 'stopped');

  await terminal.clear();
  await type(terminal, 'run train --name kept', 'begun');
  terminal.send('C-c');
  await terminal.until('the question', seen('[s]top kept'));
  terminal.send('d', 'Enter');
  await ends(terminal, 130);
  await terminal.clear();
  await type(terminal, 'logs -f kept', 'begun');
  terminal.send('C-c');
  await ends(terminal, 130);
  writeFileSync(goOn, '');
  assert.is((await project.record('kept', 'train')).state, 'done');
  rmSync(goOn);
  runner.kill('SIGTERM');
  await runner.exited;
  await until('the end of the claims', async () => (await project.refs('claims')).length === 0);
});

test('in a pipe: detaches with a message', async ({ project }) => {
  const child = spawn(process.execPath, [executable, 'run', 'train', '--name', 'piped'], {
    cwd: project.folder,
    env: { ...project.env, GO_ON: '/nowhere', DSTACK_RUNNER_POLL: '200ms' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await until('that it waits', () => text.includes('there is no runner: `dstack runner start` starts one'));
  child.kill('SIGINT');
  assert.is(await ended, 130);
  assert.match(text, /piped goes on without you/);
  assert.is((await project.dstack(['stop', 'piped', '-y'])).exitCode, 0);
});

test('locally: the first stops, the second aborts', async ({ project, terminal }) => {
  await type(terminal, 'run train --local --name here', 'begun');
  terminal.send('C-c');
  await terminal.until('the announcement', seen('Ctrl+C again aborts'));
  assert.match(await ends(terminal, 130), /here +■ stopped/);

  await terminal.clear();
  project.write({
    '.dstack/workflows/stubborn.yaml': `workflows:\n  - name: stubborn\n    commands: ["trap '' TERM", 'echo begun', 'while :; do sleep 0.1; done']\n`,
  });
  await type(terminal, 'run stubborn --local --name there', 'begun');
  terminal.send('C-c');
  await terminal.until('the announcement', seen('Ctrl+C again aborts'));
  terminal.send('C-c');
  assert.match(await ends(terminal, 130), /there +\S+ aborted/);
  const local = path.join(project.folder, '.git/dstack/local.git');
  const left = await project.git(
    ['for-each-ref', 'refs/dstack/queue', 'refs/dstack/claims', 'refs/dstack/stops'],
    { cwd: local },
  );
  assert.is(left, '');
});

test.run();
