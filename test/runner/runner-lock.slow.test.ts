import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
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

test('of many that find a stale lock at once, one gets it', async ({ file, folder }) => {
  lockRunner(file, 'a')();
  writeFileSync(file, '999999999 1\n');
  const module = fileURLToPath(new URL('../../src/runner/runner-lock.ts', import.meta.url));
  const script = path.join(folder, 'contender.mts');
  const go = path.join(folder, 'go');
  writeFileSync(
    script,
    `import { existsSync } from 'node:fs';
import { lockRunner } from ${JSON.stringify(module)};
console.log('ready');
while (!existsSync(${JSON.stringify(go)}));
try { lockRunner(${JSON.stringify(file)}, 'a'); console.log('won'); process.stdin.resume(); }
catch { console.log('lost'); process.stdin.resume(); }
`,
  );
  const contenders = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let text = '';
    const waiting = new Set<() => void>();
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      for (const wake of waiting) wake();
    });
    const says = (pattern: RegExp) =>
      new Promise<string>((resolve) => {
        const look = () => pattern.test(text) && resolve(text);
        waiting.add(look);
        look();
      });
    return { child, says };
  });
  await Promise.all(contenders.map(({ says }) => says(/ready/)));
  writeFileSync(go, '');
  const outcomes = await Promise.all(contenders.map(({ says }) => says(/won|lost/)));
  assert.is(outcomes.filter((text) => text.includes('won')).length, 1, outcomes.join());
  for (const { child } of contenders) child.kill('SIGKILL');
  await Promise.all(contenders.map(({ child }) => new Promise((resolve) => child.once('close', resolve))));
});

test.run();
