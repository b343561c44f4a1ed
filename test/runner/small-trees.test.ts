import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keepSmallTrees } from '../../src/runner/small-trees.ts';
import { readTree, scratchFolder } from '../git/scratch-repository.ts';

const modeOf = (path: string) => lstatSync(path).mode;

test('what was written once is written again, with its modes, links and names of bytes', () => {
  const from = join(scratchFolder(), 'from');
  const into = join(scratchFolder(), 'into');
  mkdirSync(join(from, 'folder', 'empty'), { recursive: true });
  writeFileSync(join(from, 'folder', 'plain'), Buffer.from([0, 255, 10]));
  writeFileSync(join(from, 'tool'), '#!/bin/sh\n');
  chmodSync(join(from, 'tool'), 0o755);
  symlinkSync('folder/plain', join(from, 'link'));
  const oddName = Buffer.concat([Buffer.from(join(from, '/')), Buffer.from([0x66, 0xff])]);
  writeFileSync(oddName, 'odd');
  const trees = keepSmallTrees();
  trees.keep('tree', from);
  assert.ok(trees.write('tree', into));
  assert.equal(readTree(into), readTree(from));
  assert.equal(readdirSync(into, { encoding: 'buffer' }), readdirSync(from, { encoding: 'buffer' }));
  for (const name of ['tool', 'folder', 'folder/plain', 'folder/empty', 'link'])
    assert.is(modeOf(join(into, name)), modeOf(join(from, name)), name);
});

test('what is large is not kept, and many trees are not either', () => {
  const trees = keepSmallTrees();
  const folderOf = (content: Uint8Array) => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'file'), content);
    return folder;
  };
  trees.keep('large', folderOf(Buffer.alloc((1 << 20) + 1)));
  assert.not(trees.write('large', join(scratchFolder(), 'into')));
  for (let tree = 1; tree <= 9; tree += 1) trees.keep(`tree-${tree}`, folderOf(Buffer.from(String(tree))));
  assert.not(trees.write('tree-1', join(scratchFolder(), 'into')));
  const into = join(scratchFolder(), 'into');
  assert.ok(trees.write('tree-9', into));
  assert.is(readFileSync(join(into, 'file'), 'utf8'), '9');
});

test('nothing is written into a folder that is there, nor left of what could not be written', () => {
  const trees = keepSmallTrees();
  const from = scratchFolder();
  writeFileSync(join(from, 'file'), 'content');
  trees.keep('tree', from);
  const there = scratchFolder();
  assert.not(trees.write('tree', there));
  assert.equal(readdirSync(there), []);
});

test.run();
