import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkName, drawRunName, isName } from '../../src/ledger/names.ts';

test('legal names', () => {
  for (const name of ['a', '7', 'train', 'train-1', 'a_b', 'v1.2.3', 'x'.repeat(64)])
    assert.ok(isName(name), name);
});

test('illegal names', () => {
  const names = [
    '',
    '-a',
    '.a',
    '_a',
    'a.',
    'a..b',
    'A',
    'a b',
    'a/b',
    'ä',
    'a.lock',
    'x'.repeat(65),
    'a\n',
    '__proto__',
    '..',
    'a~1',
    'a^',
    'a:b',
    'a*',
    '@{1}',
  ];
  for (const name of names) assert.not(isName(name), JSON.stringify(name));
});

test('an illegal name is refused with what is wrong, as wrong usage', () => {
  try {
    checkName('tag', 'My Tag');
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /"My Tag" can't be the name of a tag: only lower-case/);
    assert.is((error as { exitCode: number }).exitCode, 2);
  }
  assert.is(checkName('run', 'brave-otter-7k2m'), 'brave-otter-7k2m');
});

test('what is legal is a ref component to Git: no text gets through that would leave its place', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (text) => {
      if (isName(text)) assert.match(text, /^[a-z0-9][a-z0-9._-]*$/);
    }),
  );
});

test('drawn names are legal and differ', () => {
  const names = new Set(Array.from({ length: 200 }, drawRunName));
  assert.ok(names.size > 195);
  for (const name of names) assert.ok(isName(name), name);
});

test.run();
