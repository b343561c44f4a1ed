import type { BigIntStats } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isSame, watchStillness } from '../../src/store/stillness.ts';
import type { Found } from '../../src/store/walk-artifacts.ts';

/** A file of that size, last written to at that time. */
function file(path: string, size: number, mtime: number, ino = 1): Found {
  const [mtimeNs, ctimeNs] = [BigInt(mtime), BigInt(mtime)];
  const stats = { dev: 1n, ino: BigInt(ino), size: BigInt(size), mtimeNs, ctimeNs } as BigIntStats;
  return { type: 'file', path, size, stats };
}

const seconds = 1_000;

test('what is the same at two looks may be taken; what is new, changed or gone may be half written', () => {
  const { look } = watchStillness();
  const changing = (found: Found[], at: number) => look(found, at * seconds).changing.sort();
  assert.equal(changing([file('a', 1, 1), file('b', 1, 1)], 0), ['a', 'b']);
  assert.equal(changing([file('a', 1, 1), file('b', 1, 1)], 1), []);
  assert.equal(changing([file('a', 1, 2), file('c', 1, 1)], 2), ['a', 'b', 'c']);
  assert.equal(changing([file('a', 1, 2), file('c', 1, 1)], 3), []);
  assert.equal(changing([file('a', 1, 2), { type: 'link', path: 'c', target: 'a' }], 4), ['c']);
  assert.equal(changing([file('a', 1, 2), { type: 'link', path: 'c', target: 'b' }], 5), ['c']);
});

test('what has only grown for a minute is a log, which need not keep still', () => {
  const { look } = watchStillness();
  for (let at = 0; at < 61; at += 1) {
    const { changing, growing } = look([file('log', 10 + at, at)], at * seconds);
    assert.equal([changing, [...growing]], [['log'], []], `after ${at} s`);
  }
  const { changing, growing } = look([file('log', 90, 61)], 61 * seconds);
  assert.equal([changing, [...growing]], [[], ['log']]);
  // Also if it rests now and then.
  assert.equal([...look([file('log', 90, 61)], 65 * seconds).growing], ['log']);
  // Another file in its place is none.
  assert.equal(look([file('log', 95, 66, 2)], 66 * seconds).changing, ['log']);
});

test('a file at rest that is written anew, and is longer when seen half written, is none', () => {
  const { look } = watchStillness();
  look([file('model', 50, 0)], 0);
  look([file('model', 100, 1)], 1 * seconds);
  assert.equal(look([file('model', 100, 1)], 2 * seconds).changing, []);
  assert.equal([...look([file('model', 100, 1)], 600 * seconds).growing], []);
  assert.equal(look([file('model', 110, 601)], 601 * seconds).changing, ['model']);
  assert.equal(look([file('model', 30, 602)], 602 * seconds).changing, ['model']);
});

test('two looks are the same if only what grows has changed', () => {
  const before = [file('log', 10, 1), file('model', 5, 1)];
  assert.ok(isSame(before, [file('log', 11, 2), file('model', 5, 1)], new Set(['log'])));
  assert.not(isSame(before, [file('log', 11, 2), file('model', 5, 1)], new Set()));
  assert.not(isSame(before, [file('model', 5, 1)], new Set(['log'])));
  assert.not(isSame(before, [...before, file('new', 1, 1)], new Set(['log'])));
});

test.run();
