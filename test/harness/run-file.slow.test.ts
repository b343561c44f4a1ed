import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftoversOf } from './leftovers.ts';
import { judge } from './outcome.ts';
import { runFile } from './run-file.ts';

const root = process.cwd();
const runner = suite<{ folder: string }>('run-file');

runner.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'dstack-harness-'));
});
runner.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

/** Runs a test file with this body. */
async function run(folder: string, body: string, limitMs = 60_000) {
  const file = path.join(folder, 'sample.mjs');
  writeFileSync(file, body);
  mkdirSync(path.join(folder, 'own'));
  return runFile(root, file, { folder: path.join(folder, 'own'), limitMs, coverage: undefined });
}

runner('a test sees nothing of the settings of whoever runs it', async ({ folder }) => {
  process.env.DSTACK_REMOTE = 'origin';
  process.env.GIT_DIR = '/nowhere';
  try {
    const ending = await run(folder, 'console.log(JSON.stringify(process.env))');
    const env = JSON.parse(ending.output);
    assert.is(env.DSTACK_REMOTE, undefined);
    assert.is(env.GIT_DIR, undefined);
    assert.is(env.HOME, path.join(folder, 'own', 'home'));
    assert.is(env.TMPDIR, path.join(folder, 'own', 'tmp'));
    assert.is(env.GIT_CONFIG_GLOBAL, '/dev/null');
  } finally {
    delete process.env.DSTACK_REMOTE;
    delete process.env.GIT_DIR;
  }
});

runner('a file that does not end is killed with all its group', async ({ folder }) => {
  const body = `
    import { spawn } from 'node:child_process';
    spawn('sleep', ['600'], { stdio: 'inherit' });
    setInterval(() => {}, 1000);`;
  const ending = await run(folder, body, 1500);
  assert.is(ending.timedOut, true);
  assert.equal(await leftoversOf(path.join(folder, 'own', 'tmp')), []);
});

runner(
  'a process and a file that are left behind are named, and the process is ended',
  async ({ folder }) => {
    const body = `
    import { spawn } from 'node:child_process';
    import { writeFileSync } from 'node:fs';
    writeFileSync(process.env.TMPDIR + '/dstack-forgotten', '');
    spawn('sleep', ['601'], { detached: true, stdio: 'inherit' }).unref();`;
    const ending = await run(folder, body);
    assert.is(ending.exitCode, 0);
    const tmp = path.join(folder, 'own', 'tmp');
    const left = await leftoversOf(tmp, 2);
    assert.match(left.join('\n'), 'dstack-forgotten');
    if (process.platform === 'linux') {
      assert.match(left.join('\n'), 'sleep 601');
      assert.is((await leftoversOf(tmp)).length, 1);
    }
  },
);

runner('what a file prints is judged', async ({ folder }) => {
  const uvu = path.join(root, 'node_modules/uvu/dist/index.mjs');
  const ending = await run(
    folder,
    `import { test } from ${JSON.stringify(uvu)};
     test('good', () => {});
     test('bad', () => { throw new Error('as it should'); });
     test.run();`,
  );
  const outcome = judge('sample', ending);
  assert.equal([outcome.passed, outcome.failed, outcome.problems], [1, 1, []]);
  assert.match(outcome.output, 'as it should');
});

runner.run();
