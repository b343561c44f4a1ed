import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { plainEntries } from '../../src/git/plain-index.ts';
import { git } from '../../src/git/run-git.ts';
import { scratchFolder } from './scratch-repository.ts';

/** A repository with files, links and names of all lengths in its index. */
async function scratch(objectFormat: 'sha1' | 'sha256') {
  const cwd = scratchFolder();
  const run = (...args: string[]) => git(args, { cwd });
  await run('init', '--quiet', `--object-format=${objectFormat}`);
  const deep = join(cwd, ...Array.from({ length: 17 }, () => 'd'.repeat(250)));
  let folder = cwd;
  for (let length = 1; length <= 20; length += 1) {
    folder = join(folder, 'f');
    mkdirSync(folder);
    writeFileSync(join(folder, 'n'.repeat(length)), `${length}\n`);
  }
  writeFileSync(join(cwd, 'tool'), 'run\n', { mode: 0o755 });
  writeFileSync(join(cwd, 'empty'), '');
  symlinkSync('tool', join(cwd, 'link'));
  await run('add', '--all');
  const entries = () => plainEntries(readFileSync(join(cwd, '.git/index')), objectFormat);
  return { cwd, run, entries, deep: deep.slice(cwd.length + 1) };
}

for (const format of ['sha1', 'sha256'] as const) {
  test(`an index of ordinary files is plain (${format})`, async () => {
    const { run, entries, deep } = await scratch(format);
    assert.is(entries(), 23);
    // With a tree of what is in it, as an extension.
    await run('write-tree');
    assert.is(entries(), 23);
    // A name that is too long for its length to be told.
    const blob = await run('hash-object', '-w', 'tool');
    await run('update-index', '--add', '--cacheinfo', `100644,${blob},${deep}`);
    await run('update-index', '--add', '--cacheinfo', `100644,${blob},z`);
    assert.is(entries(), 25);
    await run('update-index', '--assume-unchanged', 'z');
    assert.is(entries(), null);
  });

  test(`one with anything else is not (${format})`, async () => {
    const { cwd, run, entries } = await scratch(format);
    const blob = await run('hash-object', '-w', 'tool');
    const unusual = async (make: readonly string[], undo: readonly string[]) => {
      assert.is(entries(), 23);
      await run(...make);
      assert.is(entries(), null, make.join(' '));
      await run(...undo);
    };
    const plain = ['update-index', '--index-version', '2'];
    await unusual(
      ['update-index', '--assume-unchanged', 'tool'],
      ['update-index', '--no-assume-unchanged', 'tool'],
    );
    await unusual(
      ['update-index', '--skip-worktree', 'tool'],
      ['update-index', '--no-skip-worktree', 'tool'],
    );
    writeFileSync(join(cwd, 'new'), 'new\n');
    await unusual(['add', '--intent-to-add', 'new'], ['update-index', '--force-remove', 'new']);
    await unusual(
      ['update-index', '--add', '--cacheinfo', `160000,${blob},module`],
      ['update-index', '--force-remove', 'module'],
    );
    await unusual(['update-index', '--index-version', '4'], plain);
    await unusual(['update-index', '--split-index'], ['update-index', '--no-split-index']);
    await git(['update-index', '--index-info'], { cwd, input: `100644 ${blob} 2\tconflict\n` });
    assert.is(entries(), null);
  });
}

test('what is no index, or half of one, is not plain', async () => {
  const { cwd } = await scratch('sha1');
  const index = readFileSync(join(cwd, '.git/index'));
  for (const length of [0, 3, 12, 40, 100, index.length - 21, index.length - 1])
    assert.not(plainEntries(index.subarray(0, length), 'sha1'), `${length}`);
  assert.not(plainEntries(index, 'sha256'));
});

test.run();
