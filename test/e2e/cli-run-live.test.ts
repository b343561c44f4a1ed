import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tmux } from '../tui/tmux.ts';
import { openTerminal } from './cli-support.ts';
import { createProject, type TestProject, until } from './project.ts';

const workflows = `
workflows:
  - name: prep
    commands: ["mkdir data; echo prepared > data/x; echo ready"]
    artifacts: [data]
  - name: train
    depends-on: {workflows: [prep]}
    matrix: {seed: [1, 2]}
    env: [GO_ON]
    commands:
      - |
        printf 'step 1\\rstep 2'
        while [ ! -e "$GO_ON" ]; do sleep 0.1; done
        printf '\\rstep 3\\n'
      - mkdir out; echo '{"loss":0.25}' > m.jsonl; echo 123 > out/model
    artifacts: [out]
    metrics: m.jsonl
  - name: bar
    env: [GO_ON]
    commands:
      - |
        printf 'before\\n\\033[32mstep 1\\rstep 2'
        while [ ! -e "$GO_ON" ]; do sleep 0.1; done
`;

interface Context {
  project: TestProject;
  terminal: Tmux;
  goOn: string;
}
const test = suite<Context>('dstack run on a terminal');

test.before(async (context) => {
  context.project = await createProject(workflows);
  context.project.startRunner('r', ['--executor', 'process', '--concurrency', '2', '--poll', '200ms']);
  await until('the runner', async () => (await context.project.refs('runners')).length === 1);
});
test.after(({ project }) => project.remove());
test.after.each(({ terminal, goOn }) => {
  // Whatever has failed, the next test finds the runner free.
  writeFileSync(goOn, '');
  terminal.close();
});

let number = 0;
async function open(context: Context, env: Record<string, string> = {}): Promise<void> {
  number += 1;
  context.goOn = path.join(context.project.root, `go-on-${number}`);
  context.terminal = await openTerminal(context.project, {
    GO_ON: context.goOn,
    DSTACK_RUNNER_POLL: '200ms',
    ...env,
  });
}

const times = (lines: readonly string[], pattern: RegExp) =>
  lines.filter((line) => pattern.test(line)).length;
/** The tree is there once, however often it was drawn anew. */
const isWhole = (lines: readonly string[], rows: readonly RegExp[]) =>
  rows.every((pattern) => times(lines, pattern) === 1);
const filling = [
  /jobs have ended$/,
  /^prep .*✔ done/,
  /^├ train-1.*● running .*step 2/,
  /^└ train-2.*● running .*step 2/,
];

const childOf = (shell: number): number =>
  Number(execFileSync('ps', ['-o', 'pid=', '--ppid', String(shell)], { encoding: 'utf8' }));

const narrow = [
  /^live · .* · 1 of 3$/,
  /^prep .*✔ done/,
  /^├ train-1.*● running .*…$/,
  /^└ train-2.*● running .*…$/,
];

test('the plan fills in below the log, at any size; a question stands alone; a summary follows', async (context) => {
  await open(context);
  const { terminal, goOn } = context;
  terminal.send('dstack run train --no-cache --name live --reason x', 'Enter');
  for (const [columns, rows] of [
    [100, 30],
    [200, 50],
    [80, 24],
    [40, 24],
  ] as const) {
    // tmux tells of a second size only after a quarter of a second; what is drawn in between stays.
    await sleep(300);
    terminal.resize(columns, rows);
    // Nothing is left of one that was wider.
    await terminal.until(
      `the tree at ${columns} columns`,
      (all) => isWhole(all, columns === 40 ? narrow : filling) && times(all, /^(ed|nded|on r)$/) === 0,
    );
  }
  terminal.resize(100, 30);
  await terminal.until('the tree again', (lines) => isWhole(lines, filling));
  terminal.send('C-c');
  const asked = await terminal.until('the question', (lines) => times(lines, /\[c\]ontinue to watch/) === 1);
  assert.is(times(asked, /● running/), 0, asked.join('\n'));
  terminal.send('c', 'Enter');
  await terminal.until('the tree after it', (lines) => isWhole(lines, filling));
  terminal.send('C-z');
  const shell = await terminal.until('the shell', (lines) => times(lines, /Stopped|^ended with 1\d\d/) > 0);
  assert.is(times(shell, /● running/), 0, shell.join('\n'));
  terminal.send('fg', 'Enter');
  await terminal.until('the tree after that', (lines) => isWhole(lines, filling));
  writeFileSync(goOn, '');
  const lines = await terminal.until('the end', (all) => times(all, /dstack logs live/) === 1);
  for (const pattern of [
    /^train-1 \| step 3$/,
    /^train-2 \| step 3$/,
    /^live {2}✔ done /,
    /train-1 +done .*1 file, 4B .*loss 0\.25/,
    /^ {2}train-2: out {2}1 file, 4B$/,
    /dstack artifacts download live +# get the results/,
    /dstack metrics live/,
  ])
    assert.is(times(lines, pattern), 1, `${pattern}\n${lines.join('\n')}`);
  assert.is(times(lines, /jobs have ended|● running|step 2/), 0, lines.join('\n'));
});

/** Whether the terminal shows what is typed, as the shell that has it again says. */
async function echoes(terminal: Tmux): Promise<void> {
  terminal.send("stty -a | tr ' ;' '\\n\\n' | grep -x -e echo -e -echo; echo asked", 'Enter');
  const lines = await terminal.until('the settings', (all) => all.includes('asked'));
  assert.ok(lines.includes('echo'), lines.join('\n'));
}

test('what is typed leaves the tree as it is, and comes to the shell that follows', async (context) => {
  await open(context);
  const { terminal, goOn } = context;
  terminal.send('dstack run train --no-cache --name typed', 'Enter');
  await terminal.until('the tree', (lines) => isWhole(lines, filling));
  for (let count = 0; count < 5; count += 1) {
    terminal.send('Enter', 'echo $((40 + 2))', 'Enter', 'Enter');
    await sleep(500);
  }
  const lines = await terminal.until('the tree still', (all) => isWhole(all, filling));
  assert.is(times(lines, /echo/), 0, lines.join('\n'));
  // Stopped, the shell has the terminal as it was, and reads what was typed.
  terminal.send('C-z');
  await terminal.until('the shell', (all) => times(all, /Stopped|^ended with 1\d\d/) > 0);
  await echoes(terminal);
  terminal.send('clear', 'Enter', 'fg', 'Enter');
  await terminal.until('the tree again', (all) => isWhole(all, filling));
  terminal.send('Enter', 'echo $((40 + 2))', 'Enter');
  await sleep(500);
  const again = await terminal.until('the tree as before', (all) => isWhole(all, filling));
  assert.is(times(again, /echo/), 0, again.join('\n'));
  writeFileSync(goOn, '');
  await terminal.until('what was typed', (all) => times(all, /\b42$/) === 1);
  await echoes(terminal);
});

test('however it ends, the terminal shows again what is typed', async (context) => {
  await open(context);
  const { project, terminal } = context;
  for (const [name, exitCode, end] of [
    ['quit', 131, () => terminal.send('C-\\')],
    ['hup', 129, (pid: number) => process.kill(pid, 'SIGHUP')],
    ['term', 130, (pid: number) => process.kill(pid, 'SIGTERM')],
  ] as const) {
    await terminal.clear();
    terminal.send(`dstack run bar --no-cache --name ${name}`, 'Enter');
    await terminal.until('the bar', (all) => all.includes('step 2') && times(all, /● running/) === 1);
    end(childOf(Number(terminal.ask('#{pane_pid}'))));
    await terminal.until('the end', (all) => times(all, new RegExp(`ended with ${exitCode}`)) === 1);
    await echoes(terminal);
    // It goes on without who watched it.
    await project.dstack(['stop', name, '-y', '--abort']);
  }
});

test('one job’s progress bar moves above the tree, without colours and Unicode, too', async (context) => {
  await open(context, { NO_COLOR: '1', LC_ALL: 'C' });
  const { project, terminal, goOn } = context;
  project.write({ 'note.txt': '12345' });
  terminal.record(path.join(project.root, 'written'));
  terminal.send('dstack run bar --no-cache --name bar', 'Enter');
  const lines = await terminal.until(
    'the bar',
    (all) => all.includes('step 2') && times(all, /\* running/) === 1,
  );
  assert.ok(lines.indexOf('before') < lines.indexOf('step 2'), lines.join('\n'));
  assert.is(times(lines, /^bar: submitted to \S+ with 1 untracked file, 5B$/), 1);
  assert.match(lines.join('\n'), /^[\x20-\x7e\n]*$/);
  terminal.send('C-c');
  await terminal.until('the question', (all) => times(all, /\[s\]top bar/) === 1);
  terminal.send('C-c');
  await terminal.until('that it goes on', (all) => times(all, /^bar goes on without you/) === 1);
  writeFileSync(goOn, '');
  await project.record('bar', 'bar');
});

test('where the log goes on through a pipe, to the same terminal perhaps, nothing is drawn below it', async (context) => {
  await open(context);
  const { terminal, goOn } = context;
  terminal.send('dstack run train --no-cache --name teed | cat', 'Enter');
  await terminal.until('that it runs', (all) => times(all, /^train-2: running on r$/) === 1);
  writeFileSync(goOn, '');
  const lines = await terminal.until('the end', (all) => all.includes('ended with 0'));
  assert.is(times(lines, /jobs have ended/), 0, lines.join('\n'));
  assert.is(times(lines, /^train-1 \| step 3$/), 1, lines.join('\n'));
});

test('in a pipe there are plain lines, and the log alone on standard output', async (context) => {
  await open(context);
  const { project, goOn } = context;
  writeFileSync(goOn, '');
  const { stdout, stderr } = await project.dstack(['run', 'train', '--no-cache', '--name', 'piped'], {
    env: { GO_ON: goOn },
  });
  assert.not.match(stdout + stderr, /\x1b|\r/);
  assert.match(stderr, /\nprep {2}process\n├ train-1 {2}seed=1 {2}process\n/);
  assert.match(stderr, /\ntrain-1: done\n[\s\S]*piped {2}✔ done /);
  assert.equal(stdout.split('\n').sort(), ['', 'prep    | ready', 'train-1 | step 3', 'train-2 | step 3']);
});

test.run();
