import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createReport, describeProblem } from '../../src/language/problems.ts';
import { readYaml, type Tree } from '../../src/language/yaml-tree.ts';

function read(text: string): { tree: Tree | null; errors: string[] } {
  const { report, problems } = createReport();
  const tree = readYaml({ path: 'a', text }, report);
  return { tree, errors: problems().map((problem) => describeProblem(problem).split('\n')[0]!) };
}

/** The tree as plain data, with every scalar as it was written. */
function plain(tree: Tree | null): unknown {
  if (tree === null) return null;
  if (tree.kind === 'scalar') return tree.type === 'text' ? tree.text : { [tree.type]: tree.text };
  if (tree.kind === 'list') return tree.items.map(plain);
  return tree.entries.map(({ key, value }) => [key.text, plain(value)]);
}

test('scalars keep the way they are written', () => {
  const { tree, errors } = read('[3.10, "3.10", 1e3, True, no, 0x1F, null, "a\\nb", ~]');
  assert.equal(errors, []);
  assert.equal(plain(tree), [
    { number: '3.10' },
    '3.10',
    { number: '1e3' },
    { boolean: 'True' },
    'no',
    { number: '0x1F' },
    { nothing: 'null' },
    'a\nb',
    { nothing: '~' },
  ]);
});

test('aliases stand for what they refer to', () => {
  const { tree, errors } = read('a: &x [1, {b: c}]\nd: *x\n');
  assert.equal(errors, []);
  const list = [{ number: '1' }, [['b', 'c']]];
  assert.equal(plain(tree), [
    ['a', list],
    ['d', list],
  ]);
});

test('an empty file, or one of comments, has no tree and no error', () => {
  for (const text of ['', '\n\n', '# nothing\n', '---\n', '\ufeff']) {
    assert.equal(read(text), { tree: null, errors: [] }, JSON.stringify(text));
  }
});

const mistakes: [name: string, text: string, error: string][] = [
  ['a tab', 'a:\n\t- b\n', 'a:2:1: a tab cannot indent YAML; use spaces'],
  ['a key given twice', 'a: 1\nb: 2\na: 3\n', 'a:3:1: `a` is here twice'],
  [
    'a second document',
    'a: 1\n---\nb: 2\n',
    'a:2:1: a second document begins here (`---`); only one is expected',
  ],
  ['a tag', 'a: !env B\n', 'a:1:4: the tag `!env` has no meaning here; leave it out'],
  ['an alias without anchor', 'a: *b\n', 'a:1:4: there is no anchor `&b` above'],
  ['an alias inside of its anchor', 'a: &b [*b]\n', 'a:1:8: `*b` stands inside of what it refers to'],
  ['a key that is a list', '? [a]\n: b\n', 'a:1:3: a key must be plain text'],
  [
    'interpolation without quotes',
    'a: [b ${{ c }}, d]\n',
    'a:1:8: inside of `[…]` and `{…}`, text with `${…}` must be in quotes',
  ],
  ['a missing quote', 'a: "b\n', 'a:2:1: not valid YAML: Missing closing "quote'],
];

for (const [name, text, error] of mistakes) {
  test(`${name} is an error at its place`, () => assert.equal(read(text).errors, [error]));
}

test('aliases that multiply are refused rather than expanded', () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 30; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  const { tree, errors } = read(lines.join('\n'));
  assert.is(tree, null);
  assert.is(errors.length, 1);
  assert.match(errors[0]!, /^a:5:\d+: there are more than 50000 values up to here/);
});

test('deep nesting and large files are refused', () => {
  for (const opening of ['[', '{', '{a: [', '- ', '? ', '- ? ']) {
    assert.match(
      read(opening.repeat(opening.includes(' ') ? 300 : 50_000)).errors[0]!,
      'nested more than 50',
    );
  }
  assert.match(read(`${'['.repeat(60)}${']'.repeat(60)}`).errors[0]!, 'nested more than 50 levels deep');
  assert.match(read('x'.repeat(300_000)).errors[0]!, 'larger than');
});

test.run();
