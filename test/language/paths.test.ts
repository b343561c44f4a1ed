import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  checkArtifactPath,
  checkGlob,
  checkWorkingDir,
  findOverlap,
  withoutNested,
} from '../../src/language/paths.ts';

test('paths are brought into one form', () => {
  assert.equal(checkArtifactPath('./data//clean/'), { path: 'data/clean' });
  assert.equal(checkArtifactPath('.cache/..x/.gitignore'), { path: '.cache/..x/.gitignore' });
  assert.equal(checkWorkingDir('./'), { path: '.' });
  assert.equal(checkGlob('./data/'), { path: 'data/**' });
  assert.equal(checkGlob('.'), { path: '**' });
  assert.equal(checkGlob('src/**/*.{py,txt}'), { path: 'src/**/*.{py,txt}' });
});

test('no path leads out of the workspace, or into Git', () => {
  const bad = [
    '',
    '/x',
    '../x',
    'a/../b',
    'a/..',
    '..',
    '.git',
    'a/.git/hooks',
    '.GIT/x',
    '~/x',
    'a\\b',
    'a\nb',
    'a\0b',
  ];
  for (const text of [...bad, 'a/'.repeat(3000)]) {
    for (const check of [checkArtifactPath, checkWorkingDir, checkGlob]) {
      assert.ok('fault' in check(text), JSON.stringify(text.slice(0, 20)));
    }
  }
});

test('an artifact is neither everything nor a pattern', () => {
  for (const text of ['.', './', './/.', '*.pt', 'out/?'])
    assert.ok('fault' in checkArtifactPath(text), text);
});

test('a pattern does not negate', () => assert.ok('fault' in checkGlob('!secret')));

test('paths overlap where one is, or contains, the other', () => {
  const overlap = (...pairs: [string, string][]) => {
    const found = findOverlap(pairs.map(([owner, path]) => ({ owner, path })));
    return found?.map(({ owner, path }) => `${owner}:${path}`);
  };
  assert.equal(overlap(['a', 'data'], ['b', 'data']), ['a:data', 'b:data']);
  assert.equal(overlap(['a', 'data/x/y'], ['b', 'data']), ['b:data', 'a:data/x/y']);
  // What sorts between a folder and its content by plain text must not hide the overlap.
  assert.equal(overlap(['a', 'data'], ['c', 'data-2'], ['c', 'data.txt'], ['b', 'data/x']), [
    'a:data',
    'b:data/x',
  ]);
  assert.equal(overlap(['a', 'data'], ['a', 'data/x'], ['b', 'data/x/y']), ['a:data', 'b:data/x/y']);
  assert.not.ok(overlap(['a', 'data'], ['b', 'database'], ['a', 'data/x']));
});

test('what lies inside of another artifact is kept with it', () => {
  assert.equal(withoutNested(['out/a/b', 'log', 'out', 'log', 'outer']), ['log', 'out', 'outer']);
});

test.run();
