import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeCacheFile, readCodeCache, writeCodeCache } from '../../bin/code-cache.ts';

const cache = suite<{ folder: string; before: NodeJS.ProcessEnv }>('code cache');

cache.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'dstack-code-'));
  context.before = { ...process.env };
  process.env.XDG_CACHE_HOME = context.folder;
  delete process.env.NODE_DISABLE_COMPILE_CACHE;
});
cache.after.each(({ folder, before }) => {
  process.env = before;
  rmSync(folder, { recursive: true, force: true });
});

const codes = new Map([
  ['./a.js', Buffer.from([1, 2, 3])],
  ['./b.js', Buffer.from('\nten\n')],
  ['./empty.js', Buffer.alloc(0)],
]);

function kept(): string {
  const file = codeCacheFile('b1', ['status']) as string;
  writeCodeCache(file, codes);
  return file;
}

cache('what was kept for a command is there for it, and for no other build', () => {
  assert.equal(readCodeCache(kept()), codes);
  assert.equal(readCodeCache(codeCacheFile('b2', ['status']) as string), new Map());
  assert.equal(readCodeCache(codeCacheFile('b1', ['run']) as string), new Map());
});

cache("it lies in the user's cache folder, for nobody else to write", ({ folder }) => {
  const file = kept();
  assert.ok(file.startsWith(path.join(folder, 'dstack', 'code', 'b1-')));
  process.env.XDG_CACHE_HOME = 'relative';
  assert.ok(codeCacheFile('b1', ['status'])?.startsWith(path.join(os.homedir(), '.cache', 'dstack')));
  chmodSync(file, 0o620);
  assert.equal(readCodeCache(file), new Map());
});

cache('what is damaged or cut off is not taken', () => {
  const file = kept();
  const whole = readFileSync(file);
  for (let at = 0; at < whole.length; at += 7) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] as number) ^ 1;
    writeFileSync(file, damaged);
    assert.equal(readCodeCache(file), new Map(), `byte ${at}`);
    writeFileSync(file, whole.subarray(0, at));
    assert.equal(readCodeCache(file), new Map(), `${at} bytes`);
  }
});

cache(
  "what can't be a command's name names no file, and nothing is kept where Node's own variable says so",
  () => {
    for (const argument of ['../up', '--', '-V', '--a/b']) assert.is(codeCacheFile('b1', [argument]), null);
    process.env.NODE_DISABLE_COMPILE_CACHE = '1';
    assert.is(codeCacheFile('b1', ['status']), null);
  },
);

cache('an option in the place of a command has a file, too, and no argument is as good as --help', () => {
  assert.match(codeCacheFile('b1', ['--version']) as string, /\/version$/);
  assert.is(codeCacheFile('b1', []), codeCacheFile('b1', ['--help']));
});

cache("a folder that can't be written is no failure, and nothing unfinished is left", ({ folder }) => {
  writeFileSync(path.join(folder, 'dstack'), 'a file stands in the way');
  writeCodeCache(codeCacheFile('b1', ['status']) as string, codes);
  rmSync(path.join(folder, 'dstack'));
  const file = codeCacheFile('b1', ['status']) as string;
  mkdirSync(file, { recursive: true });
  writeFileSync(path.join(file, 'in-the-way'), '');
  writeCodeCache(file, codes);
  assert.equal(readdirSync(path.dirname(file)), ['status']);
});

cache('what was kept for builds of long ago goes when a new one comes', ({ folder }) => {
  const old = path.join(folder, 'dstack', 'code', 'b0-old');
  const recent = path.join(folder, 'dstack', 'code', 'b0-recent');
  for (const one of [old, recent]) mkdirSync(one, { recursive: true });
  const longAgo = Date.now() / 1000 - 40 * 24 * 3600;
  utimesSync(old, longAgo, longAgo);
  kept();
  const left = readdirSync(path.join(folder, 'dstack', 'code'));
  assert.not.ok(left.includes('b0-old'));
  assert.ok(left.includes('b0-recent'));
});

cache('a place where no folder can be made is left alone at once', () => {
  // There Node's own recursive mkdir would try for ever: a test that hangs.
  writeCodeCache('/proc/1/dstack/code/build/file', codes);
  assert.is(readCodeCache('/proc/1/dstack/code/build/file').size, 0);
});

cache.run();
