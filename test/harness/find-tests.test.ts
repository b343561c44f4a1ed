import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findTests } from './find-tests.ts';

const find = suite<{ root: string }>('find-tests');
const FILES = [
  'test/a/one.test.ts',
  'test/a/one.ts',
  'test/a/screen.test.tsx',
  'test/a/two.docker.test.ts',
  'test/a/three.slow.test.ts',
  'test/e2e/run.test.ts',
  'test/faults/kill.test.ts',
];

find.before((context) => {
  context.root = mkdtempSync(path.join(os.tmpdir(), 'dstack-find-'));
  for (const file of FILES) {
    mkdirSync(path.join(context.root, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(context.root, file), '');
  }
});
find.after(({ root }) => rmSync(root, { recursive: true, force: true }));

find('all tests, the slow ones first', async ({ root }) => {
  assert.equal(await findTests(root, { fast: false, filters: [] }), [
    'test/a/three.slow.test.ts',
    'test/a/two.docker.test.ts',
    'test/e2e/run.test.ts',
    'test/faults/kill.test.ts',
    'test/a/one.test.ts',
    'test/a/screen.test.tsx',
  ]);
});

find('a fast run, and filters', async ({ root }) => {
  assert.equal(await findTests(root, { fast: true, filters: [] }), [
    'test/a/one.test.ts',
    'test/a/screen.test.tsx',
  ]);
  assert.equal(await findTests(root, { fast: true, filters: ['screen', 'e2e'] }), ['test/a/screen.test.tsx']);
  assert.equal(await findTests(root, { fast: false, filters: ['two', 'kill'] }), [
    'test/a/two.docker.test.ts',
    'test/faults/kill.test.ts',
  ]);
});

find.run();
