import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RecordFile } from '../../src/ledger/formats.ts';
import { openEndHook } from '../../src/runner/end-hook.ts';

const test = suite<{ folder: string; said: string[]; complain(problem: string, job: string): void }>(
  'end-hook',
);

test.before.each((context) => {
  context.folder = mkdtempSync(path.join(tmpdir(), 'end-hook-'));
  const said: string[] = [];
  context.said = said;
  context.complain = (problem, job) => void said.push(`${job}: ${problem}`);
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const record = (job: string) => ({ run: 'calm-fox', job, state: 'done' }) as RecordFile;

/** A program of Node's; `folder` is its first argument. */
function program(folder: string, code: string): [string, ...string[]] {
  const file = path.join(folder, 'program.cjs');
  writeFileSync(file, `const fs = require('fs'); const folder = process.argv[2]; ${code}`);
  return [process.execPath, file, folder];
}

test('each record is one line of JSON on standard input, and arguments reach no shell', async ({
  folder,
  said,
  complain,
}) => {
  const code =
    "const text = fs.readFileSync(0, 'utf8'); fs.writeFileSync(folder + '/' + JSON.parse(text).job, process.argv[3] + '\\n' + text);";
  const hook = openEndHook([...program(folder, code), '$HOME; `id`'], complain);
  for (let number = 0; number < 9; number += 1) hook.tell(record(`j${number}`));
  await hook.idle();
  assert.equal(said, []);
  assert.is(readdirSync(folder).length, 10);
  assert.is(
    readFileSync(path.join(folder, 'j8'), 'utf8'),
    `$HOME; \`id\`\n${JSON.stringify(record('j8'))}\n`,
  );
});

test('its environment has none of the runner’s tokens', async ({ folder, complain }) => {
  process.env.GITHUB_TOKEN = 'hunter2';
  process.env.DSTACK_STORE = 'hunter2';
  try {
    const code = "fs.writeFileSync(folder + '/environment', JSON.stringify(process.env));";
    const hook = openEndHook(program(folder, code), complain);
    hook.tell(record('a'));
    await hook.idle();
  } finally {
    delete process.env.GITHUB_TOKEN;
    delete process.env.DSTACK_STORE;
  }
  const text = readFileSync(path.join(folder, 'environment'), 'utf8');
  assert.not.match(text, 'hunter2');
  assert.is(JSON.parse(text).PATH, process.env.PATH);
});

test('one that fails, is not there, or does not read is told of, without its arguments', async ({
  folder,
  said,
  complain,
}) => {
  for (const command of [
    program(folder, 'process.exit(3)'),
    [path.join(folder, 'nothing'), 'https://hooks.example/secret'] as [string, string],
  ]) {
    const hook = openEndHook(command, complain);
    hook.tell({ ...record('a'), reason: 'x'.repeat(1 << 20) });
    await hook.idle();
  }
  assert.equal(said, [
    'calm-fox/a: the program of runner.onEnd ended with exit code 3',
    'calm-fox/a: the program of runner.onEnd is not installed here',
  ]);
});

test('one that hangs is ended, with what it has started', async ({ folder, said, complain }) => {
  const code =
    "const child = require('child_process').spawn('sleep', ['1000']); fs.writeFileSync(folder + '/pid', String(child.pid)); setInterval(() => {}, 1000);";
  const hook = openEndHook(program(folder, code), complain, { longestMs: 3_000 });
  hook.tell(record('a'));
  await hook.idle();
  assert.equal(said, ['calm-fox/a: the program of runner.onEnd did not end within 3 s']);
  const pid = readFileSync(path.join(folder, 'pid'), 'utf8');
  const isGone = () => !existsSync(`/proc/${pid}`) || /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  while (!isGone()) await new Promise((resolve) => setTimeout(resolve, 10));
});

test('without a program nothing is done', async ({ said, complain }) => {
  const hook = openEndHook(undefined, complain);
  hook.tell(record('a'));
  await hook.idle();
  assert.equal(said, []);
});

test.run();
