import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openTerminal } from './cli-support.ts';
import { until, withProject } from './project.ts';

const workflows = `
workflows:
  - name: good
    commands: [echo fine]
  - name: bad
    commands: [exit 3]
  - name: after
    depends-on: [bad]
    commands: [echo never]
`;

const test = suite('what is told of an end');

/** A program that copies what it reads into \`told/RUN-JOB\`, then fails if the job is called bad. */
function teller(root: string): string[] {
  const file = path.join(root, 'teller.cjs');
  writeFileSync(
    file,
    `const fs = require('fs'); const text = fs.readFileSync(0, 'utf8'); const { run, job } = JSON.parse(text);
    const folder = process.argv[2]; fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(folder + '/' + run + '-' + job, text); process.exit(job === 'bad' ? 7 : 0);`,
  );
  return [process.execPath, file, path.join(root, 'told')];
}

test(
  'runner.onEnd gets the record of each job, whatever becomes of it, and of --local’s',
  withProject(workflows, async (project) => {
    const onEnd = { DSTACK_RUNNER_ON_END: JSON.stringify(teller(project.root)) };
    const told = path.join(project.root, 'told');
    for (const [workflow, name] of [
      ['good', 'g'],
      ['after', 'a'],
    ] as const)
      await project.submit([workflow, '--name', name]);
    const runner = project.startRunner('r', ['--executor', 'process', '--drain', '--poll', '200ms'], onEnd);
    assert.is(await runner.exited, 0);
    assert.equal(readdirSync(told).sort(), ['a-after', 'a-bad', 'g-good']);
    for (const [run, job] of [
      ['g', 'good'],
      ['a', 'bad'],
      ['a', 'after'],
    ] as const) {
      const text = readFileSync(path.join(told, `${run}-${job}`), 'utf8');
      assert.equal(JSON.parse(text), await project.record(run, job));
    }
    assert.match(runner.output(), /the program of runner\.onEnd ended with exit code 7/);
    const local = await project.dstack(['run', 'bad', '--local', '--name', 'here'], { env: onEnd });
    assert.is(local.exitCode, 1);
    assert.match(local.stderr, /here\/bad: the program of runner\.onEnd ended with exit code 7/);
    assert.is(JSON.parse(readFileSync(path.join(told, 'here-bad'), 'utf8')).state, 'failed');
  }),
);

test(
  '--notify rings the terminal at the end; a pipe sees nothing of it',
  withProject(workflows, async (project) => {
    const terminal = await openTerminal(project);
    try {
      // What is written to the terminal, byte for byte: the screen has no bells.
      const written = path.join(project.root, 'written');
      terminal.record(written);
      terminal.send('dstack run good --local --notify --name ringing', 'Enter');
      const text = await until('the bell', () => {
        const all = readFileSync(written, 'latin1');
        return all.includes('\x1b]9;') ? all : null;
      });
      assert.match(text, /\x07\x1bPtmux;\x1b\x1b\]9;ringing done after /);
    } finally {
      terminal.close();
    }
    const piped = await project.dstack(['logs', '-f', 'ringing', '--notify']);
    assert.is(piped.exitCode, 0);
    assert.not.match(piped.stdout + piped.stderr, /\x07|\x1b/);
    for (const args of [
      ['run', 'good', '-d', '--notify'],
      ['logs', 'ringing', '--notify'],
    ])
      assert.is((await project.dstack(args)).exitCode, 2);
    assert.equal(await project.refs('runs'), []);
  }),
);

test.run();
