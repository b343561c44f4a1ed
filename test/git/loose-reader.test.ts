import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readLoose } from '../../src/git/loose-reader.ts';
import { openObjectReader } from '../../src/git/object-reader.ts';
import { scratchFolder, scratchRepository } from './scratch-repository.ts';

/** A commit with a few files, all as files of their own. */
function scene() {
  const scratch = scratchRepository();
  scratch.write('file', 'words\n');
  scratch.write('folder/inner/file', 'inner\n');
  scratch.write('large', Buffer.alloc(2 << 20));
  scratch.git('add', '.');
  scratch.git('commit', '--quiet', '-m', 'first');
  scratch.git('tag', '-a', '-m', 'words', 'v1');
  const id = (name: string) => scratch.git('rev-parse', name);
  return { scratch, id, gitDir: join(scratch.path, '.git'), objects: join(scratch.path, '.git', 'objects') };
}

test('what is a file of its own is read as Git reads it', async () => {
  const { gitDir, objects, id, scratch } = scene();
  const commit = id('HEAD');
  // In another place, so that Git itself is asked.
  const reader = openObjectReader(gitDir, {});
  const tree = id('HEAD^{tree}');
  const names = [
    commit,
    tree,
    id('v1'),
    `${commit}:file`,
    `${commit}:folder/inner`,
    `${tree}:folder/inner/file`,
  ];
  for (const name of names) {
    const found = readLoose(objects, name);
    assert.ok(found, name);
    assert.equal(found, await reader.read(name), name);
  }
  for (const name of [`${commit}:none`, `${commit}:file/below`, `${id('HEAD:file')}:file`])
    assert.is(readLoose(objects, name), null, name);
  reader.close();
  scratch.git('repack', '-adq');
  assert.is(readLoose(objects, commit), undefined);
});

test('what is large, a tag, damaged or not a plain name is left to Git', () => {
  const { objects, id } = scene();
  const commit = id('HEAD');
  const others = [
    id('HEAD:large'),
    `${id('v1')}:file`,
    'HEAD',
    `${commit}:./file`,
    `${commit}:../file`,
    `${commit}:`,
    'f'.repeat(40),
  ];
  for (const name of others) assert.is(readLoose(objects, name), undefined, name);
  const blob = id('HEAD:file');
  const file = join(objects, blob.slice(0, 2), blob.slice(2));
  for (const damage of ['', 'no compression']) {
    rmSync(file);
    writeFileSync(file, damage);
    assert.is(readLoose(objects, blob), undefined);
    assert.is(readLoose(objects, `${commit}:file`), undefined);
  }
});

test('a reader starts no process for it', async () => {
  const { gitDir, id } = scene();
  const name = `${id('HEAD')}:file`;
  const trace = join(scratchFolder(), 'trace');
  process.env.GIT_TRACE2_EVENT = trace;
  const reader = openObjectReader(gitDir);
  try {
    assert.is((await reader.read(name))?.content.toString(), 'words\n');
  } finally {
    reader.close();
    delete process.env.GIT_TRACE2_EVENT;
  }
  assert.not(existsSync(trace));
});

test.run();
