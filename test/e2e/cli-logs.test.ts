import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tmux } from '../tui/tmux.ts';
import { openTerminal } from './cli-support.ts';
import { createProject, type TestProject } from './project.ts';

const workflows = `
workflows:
  - name: long
    commands: ["i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo number $i; done", "echo 'ValueError: nope'; seq 1 50"]
  - name: short
    commands: ["printf '10%%\\\\r100%%\\\\n'; printf '\\\\033[31mred\\\\033[0m \\\\033]0;title\\\\007\\\\n'"]
  - name: silent
    commands: ["true"]
  - name: both
    depends-on: {workflows: [short, long]}
    commands: [echo over]
`;

const test = suite<{ project: TestProject; terminal: Tmux }>('dstack logs');

test.before(async (context) => {
  const project = await createProject(workflows);
  context.project = project;
  const { exitCode, stderr } = await project.dstack(['run', 'both', '--local', '--name', 'calm-fox']);
  assert.is(exitCode, 0, stderr);
});
test.after(({ project }) => project.remove());
test.before.each(async (context) => {
  context.terminal = await openTerminal(context.project);
});
test.after.each(({ terminal }) => terminal.close());

const ended = (code: number) => (lines: string[]) => lines.includes(`ended with ${code}`);

test('what fits on the screen is printed', async ({ terminal }) => {
  terminal.send('dstack logs calm-fox/short', 'Enter');
  const lines = await terminal.until('the end', ended(0));
  assert.ok(lines.includes('100%') && lines.includes('red'), lines.join('\n'));
  assert.is(terminal.ask('#{alternate_on} #{pane_title}').startsWith('0 title'), false);
});

test('what is longer has a screen of its own: moves, searches, finds errors, and gives the terminal back', async ({
  terminal,
}) => {
  terminal.send('dstack logs calm-fox', 'Enter');
  // The jobs one after the other, each line behind its job's name.
  await terminal.until('the screen', (lines) => lines[0] === 'short | 100%' && /of 354/.test(lines.join()));
  assert.is(terminal.ask('#{alternate_on}'), '1');
  for (const [columns, rows] of [
    [200, 50],
    [80, 24],
    [40, 24],
  ] as const) {
    terminal.resize(columns, rows);
    await terminal.until(
      `${columns} columns`,
      (lines) => lines[rows - 2]?.startsWith('calm-fox · 1-') === true && lines[rows - 3] !== '',
    );
  }
  terminal.send('e');
  await terminal.until('the error', (lines) => lines[3] === '❯ long  | ValueError: nope');
  terminal.send('g', '/');
  await terminal.until('the question', (lines) => lines.includes('/_'));
  terminal.send('number 250', 'Enter');
  await terminal.until('what was found', (lines) => lines[3] === '❯ long  | number 250');
  terminal.send('t');
  await terminal.until('the times', (lines) =>
    /^ {2}\d\d:\d\d:\d\d long {2}\| number 247$/.test(lines[0] ?? ''),
  );
  terminal.send('G');
  await terminal.until('the end', (lines) =>
    / \d\d:\d\d:\d\d both {2}\| over$/.test(lines.join('\n').trimEnd().split('\n').at(-2) ?? ''),
  );
  terminal.send('q');
  await terminal.until('the shell', ended(0));
  assert.is(terminal.ask('#{alternate_on} #{cursor_flag}'), '0 1');
});

test('in a pipe, and with --plain, it is printed whole; --timestamps stand before each line', async ({
  project,
  terminal,
}) => {
  const { stdout } = await project.dstack(['logs', 'calm-fox/short']);
  assert.is(stdout, '100%\nred \n');
  const timed = await project.dstack(['logs', 'calm-fox', '-t', '--tail', '1']);
  assert.match(
    timed.stdout,
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) short \| red \n\S+Z long {2}\| 50\n\S+Z both {2}\| over\n$/,
  );
  assert.is((await project.dstack(['logs', 'calm-fox/long', '--tail', '0'])).stdout, '');
  terminal.send('dstack logs calm-fox/long --plain', 'Enter');
  const lines = await terminal.until('the end', ended(0));
  assert.ok(lines.includes('50'), lines.join('\n'));
});

test('where there is no output, it is said why', async ({ project, terminal }) => {
  for (const name of ['quiet', 'again'])
    assert.is((await project.dstack(['run', 'silent', '--local', '--name', name])).exitCode, 0);
  const quiet = await project.dstack(['logs', 'quiet']);
  assert.equal([quiet.stdout, quiet.stderr], ['', 'quiet has no output\n']);
  const cached = 'silent was not executed: its result is that of quiet/silent';
  assert.is((await project.dstack(['logs', 'again/silent'])).stderr, `${cached}\n`);
  assert.is((await project.dstack(['logs', 'quiet', '--since', '1h'])).stderr, '');

  terminal.send('dstack status', 'Enter');
  const isOn = (lines: string[]) => lines.some((line) => /^❯ . again /.test(line));
  await terminal.until('the runs', (lines) => lines.some((line) => /again .*cached/.test(line)));
  terminal.send('/again', 'Enter');
  await terminal.until('its run', isOn);
  terminal.send('l');
  await terminal.until('why there is none', (lines) => lines.includes(cached));
  terminal.send('w');
  await terminal.until('how it stands', (lines) =>
    lines.includes('again/silent · no output · cached · ? help · q quit'),
  );
  terminal.send('q');
  await terminal.until('the list', (lines) => lines[0]?.startsWith('dstack  ') === true);
  terminal.send('q');
  await terminal.until('the shell', ended(0));
});

test.run();
