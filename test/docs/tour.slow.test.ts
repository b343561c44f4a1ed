// Follows the README: what it says for a server, a laptop and a machine that computes, in one temporary folder.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../e2e/project.ts';
import { codeBlocks, readDocument, root } from './markdown.ts';

const folder = mkdtempSync(join(tmpdir(), 'tour-'));
const machines = ['server', 'laptop', 'gpu-box', 'alone'];
const blocks = codeBlocks(readDocument('README.md')).filter(({ info }) => machines.includes(info[1] ?? ''));
const test = suite('the README');

/** As if `npm install --global` had been there. */
function installCommands(): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const name of ['dstack', 'dstack-runner']) {
    writeFileSync(join(bin, name), `#!/bin/sh\nexec "${process.execPath}" "${root}/dist/${name}.js" "$@"\n`, {
      mode: 0o755,
    });
  }
  return bin;
}

const bin = installCommands();

/** Starts lines of the README on a machine, each a folder with settings of its own. */
function start(machine: string, text: string): { child: ChildProcess; output: () => string } {
  const home = join(folder, machine);
  const here = text
    .replaceAll('server:/srv/', join(folder, 'srv/'))
    .replaceAll(' /srv/', ` ${join(folder, 'srv/')}`)
    .replaceAll('/mnt/share/', join(folder, 'share/'));
  const child = spawn('/bin/sh', ['-e', '-c', here.replace(/^(dstack-runner)$/m, 'exec $1')], {
    cwd: machine === 'alone' ? join(home, 'penguins') : home,
    env: {
      PATH: `${bin}:${process.env.PATH}`,
      HOME: home,
      TMPDIR: tmpdir(),
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      ...Object.fromEntries(['AUTHOR', 'COMMITTER'].map((role) => [`GIT_${role}_NAME`, 'Ada'])),
      ...Object.fromEntries(['AUTHOR', 'COMMITTER'].map((role) => [`GIT_${role}_EMAIL`, 'ada@example.org'])),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (data: string) => {
      output += data;
    });
  return { child, output: () => output };
}

/** Runs lines to their end; they must succeed. */
async function follow(machine: string, text: string): Promise<string> {
  const { child, output } = start(machine, text);
  const [code] = await once(child, 'close');
  assert.is(code, 0, `${text}\n${output()}`);
  return output();
}

async function makeProject(machine: string): Promise<void> {
  mkdirSync(join(folder, machine, 'penguins'), { recursive: true });
  if (machine === 'laptop')
    cpSync(join(root, 'fixtures/penguins'), join(folder, machine, 'penguins'), { recursive: true });
  else writeFileSync(join(folder, machine, 'penguins/notes.txt'), 'a project\n');
  await follow(
    machine,
    `cd ${join(folder, machine, 'penguins')}; git init -q; git add --all; git commit -q -m start`,
  );
}

const textsFor = (machine: string) =>
  blocks.filter(({ info }) => info[1] === machine).map(({ text }) => text);

test.after(async () => {
  // A hook's sync goes on behind the push that began it.
  const sync = join(folder, 'srv/git/penguins.git/dstack/sync.lock');
  await until('the end of the sync', () => !existsSync(sync));
  rmSync(folder, { recursive: true, force: true });
});

test('has blocks for each machine', () => {
  assert.equal([...new Set(blocks.map(({ info }) => info[1]))].sort(), [...machines].sort());
});

test('leads to a first run without anything else', async () => {
  await makeProject('alone');
  const [text = ''] = textsFor('alone');
  const output = await follow('alone', text);
  assert.match(output, 'Hello, world, from ');
  assert.match(output, / {2}hello {2}done {2}/);
});

test('leads through a tour with two machines', async () => {
  for (const machine of ['server', 'gpu-box']) mkdirSync(join(folder, machine));
  await makeProject('laptop');
  const runner: { child: ChildProcess; output: () => string }[] = [];
  const output: string[] = [];
  try {
    for (const { info, text } of blocks) {
      const machine = info[1] as string;
      if (machine === 'alone') continue;
      if (machine === 'gpu-box') runner.push(start(machine, text));
      // Each machine stays in the folder that its first lines went into.
      else
        output.push(
          await follow(machine, machine === 'laptop' && output.length > 1 ? `cd penguins\n${text}` : text),
        );
    }
  } finally {
    for (const { child } of runner) child.kill('SIGTERM');
    for (const { child } of runner) if (child.exitCode === null) await once(child, 'close');
  }
  assert.match(runner[0]?.output() ?? '', 'left in order');

  const all = output.join('\n');
  assert.match(all, /epoch 4000 loss .*\n.*model\/model\.json written/);
  assert.match(all, 'preprocess: cached, from first/preprocess');
  assert.match(all, /long {2}train {2}(stopped|aborted)/);
  assert.match(all, 'Notes (dstack/first/validate):');
  const { accuracy } = JSON.parse(
    readFileSync(join(folder, 'laptop/penguins/results/report/metrics.json'), 'utf8'),
  );
  assert.ok(accuracy > 0.93);
  assert.match(readFileSync(join(folder, 'laptop/first/train.mjs'), 'utf8'), 'gradient');
});

test.run();
