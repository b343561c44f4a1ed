import { renameSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTerminal } from './cli-support.ts';
import { createProject } from './project.ts';

const workflows = `
workflows:
  - name: wait
    commands: [echo hello]
`;

test('a log that cannot be had in an outage leads back to what the status screen has', async () => {
  const project = await createProject(workflows);
  const { exitCode, stderr } = await project.dstack(['run', 'wait', '-d', '--name', 'calm-fox']);
  assert.is(exitCode, 0, stderr);
  const terminal = await openTerminal(project);
  try {
    terminal.send('dstack status', 'Enter');
    await terminal.until('the run', (lines) => lines.some((line) => line.includes('calm-fox')));
    renameSync(project.shared, `${project.shared}.away`);
    terminal.send('l');
    await terminal.until(
      'the screen with the reason',
      (lines) =>
        lines.some((line) => /^there is no Git repository at/.test(line)) &&
        lines.some((line) => /▾ calm-fox/.test(line)) &&
        lines.some((line) => line.startsWith('q quit')),
    );
    renameSync(`${project.shared}.away`, project.shared);
    terminal.send('j', 'l');
    await terminal.until('the log', (lines) => lines.some((line) => line.startsWith('calm-fox/wait')));
    terminal.send('q');
    await terminal.until('the status', (lines) => lines.some((line) => line.startsWith('q quit')));
    terminal.send('q');
    await terminal.until('the shell', (lines) => lines.includes('ended with 0'));
  } finally {
    terminal.close();
    await project.remove();
  }
});

test.run();
