import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lockRunner } from '../../src/runner/runner-lock.ts';

const test = suite<{ folder: string; file: string }>('runner lock');

test.before.each((context) => {
  context.folder = mkdtempSync(path.join(tmpdir(), 'lock-'));
  context.file = path.join(context.folder, 'deep', 'lock');
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

test('a lock is held by one, and free again after its release', ({ file }) => {
  const unlock = lockRunner(file, 'gpu-1');
  assert.throws(() => lockRunner(file, 'gpu-1'), /a runner named gpu-1 is already running .*process \d+/);
  unlock();
  assert.not(existsSync(file));
  lockRunner(file, 'gpu-1')();
  assert.equal(readdirSync(path.dirname(file)), []);
});

test('a dead process holds nothing, nor does another one that has its number', ({ file }) => {
  lockRunner(file, 'a')();
  writeFileSync(file, '999999999 1\n');
  lockRunner(file, 'a')();
  // This very process has another start.
  writeFileSync(file, `${process.pid} 1\n`);
  lockRunner(file, 'a')();
  writeFileSync(file, '');
  lockRunner(file, 'a')();
});

test('a late release does not take the lock from its next holder', ({ file }) => {
  const unlock = lockRunner(file, 'a');
  writeFileSync(file, '1 somebody-else\n');
  unlock();
  assert.ok(existsSync(file));
});

test('of many that find stale locks at once, each lock goes to one', async ({ folder }) => {
  const files = Array.from({ length: 100 }, (_, number) => path.join(folder, `${number}`));
  for (const file of files) writeFileSync(file, '999999999 1\n');
  const module = fileURLToPath(new URL('../../src/runner/runner-lock.ts', import.meta.url));
  const script = path.join(folder, 'contender.mts');
  // They go through the locks together: each waits at each until all are there. What a busy machine does to them now
  // and then happens at every step: another one is quicker.
  writeFileSync(
    script,
    `import fs, { appendFileSync, statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const sleeper = new Int32Array(new SharedArrayBuffer(4));
for (const step of ['linkSync', 'readFileSync', 'renameSync', 'rmSync']) {
  const real = fs[step];
  fs[step] = (...args) => {
    Atomics.wait(sleeper, 0, 0, Math.random() * 3);
    return real(...args);
  };
}
syncBuiltinESMExports();
const { lockRunner } = await import(${JSON.stringify(module)});
const contenders = 4;
const won = [];
${JSON.stringify(files)}.forEach((file, at) => {
  appendFileSync(file + '.there', '.');
  const limit = Date.now() + 60_000;
  while (statSync(file + '.there').size < contenders) if (Date.now() > limit) throw new Error('where are the others?');
  try { lockRunner(file, 'a'); won.push(at); } catch (error) { if (error.code !== 'runner-running') throw error; }
});
console.log(JSON.stringify(won));
// Alive until all have seen who holds what.
process.stdin.resume();
`,
  );
  const contenders = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return { child, closed: once(child, 'close') };
  });
  try {
    const won = await Promise.all(
      contenders.map(async ({ child }) => {
        for await (const line of createInterface(child.stdout)) return JSON.parse(line) as number[];
        throw new Error('a contender ended too early');
      }),
    );
    assert.equal(
      won.flat().sort((a, b) => a - b),
      files.map((_, at) => at),
    );
    assert.equal(
      readdirSync(folder).filter((name) => !/^\d+(\.there)?$|^contender/.test(name)),
      [],
    );
  } finally {
    for (const { child } of contenders) child.kill('SIGKILL');
    await Promise.all(contenders.map(({ closed }) => closed));
  }
});

test('who was killed while removing a stale lock holds nobody up', ({ folder }) => {
  const file = path.join(folder, 'lock');
  for (const name of ['lock', 'lock.removal', 'lock.removal.removal']) {
    writeFileSync(path.join(folder, name), '999999999 1\n');
  }
  const unlock = lockRunner(file, 'a');
  assert.equal(readdirSync(folder), ['lock']);
  unlock();
});

test.run();
