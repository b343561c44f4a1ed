import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { looksSecret } from '../../src/language/names.ts';
import { placesOf, variablesOf } from './language-fixture.ts';

test('values are kept as they are written', () => {
  const { global, sections } = variablesOf(`variables:
  global: {python: 3.10, on: yes, size: 1e3, text: "a b", empty: ''}
  train: {lr: 0.10}
`);
  assert.equal(
    [...global].map(([name, { value }]) => [name, value?.text]),
    [
      ['python', '3.10'],
      ['on', 'yes'],
      ['size', '1e3'],
      ['text', 'a b'],
      ['empty', ''],
    ],
  );
  assert.is(sections.get('train')?.declarations.get('lr')?.value?.text, '0.10');
  assert.not.ok(sections.has('global'));
});

test('no file, an empty one, and empty sections declare nothing', () => {
  for (const text of [null, '', '# x', 'variables:', 'variables: {}', 'variables: {global: }']) {
    assert.is(variablesOf(text).global.size, 0);
  }
});

test('mistakes are found at once, each at its place', () => {
  const errors = placesOf(() =>
    variablesOf(`variables:
  rows: 5
  global:
    a b: 1
    path: x
    run-name: x
    secrets: x
    __proto__: x
    empty:
    list: [1]
  train: [x]
variable: {}
`),
  );
  assert.equal(
    errors.map((error) => error.split(/[:;] /).slice(0, 2).join(': ')),
    [
      '2:3: `rows` is `global` or a workflow, with its variables below it, but here is `5`',
      "4:5: `a b` can't name a variable",
      "5:5: `path` can't name a variable",
      "6:5: `run-name` can't name a variable",
      "7:5: `secrets` can't name a variable",
      "8:5: `__proto__` can't name a variable",
      '9:5: the variable `empty` has no value',
      '10:11: the variable `list` is a value, but here is a list',
      '11:3: `train` is `global` or a workflow, with its variables below it, but here is a list',
      '12:1: unknown key `variable` in the file',
    ],
  );
});

test('names that promise a secret are told from those that do not', () => {
  for (const name of [
    'HF_TOKEN',
    'AWS_SECRET_ACCESS_KEY',
    'apikey',
    'DB_PASSWORD',
    'GITHUB_PAT',
    'AWS_ACCESS_KEY_ID',
  ]) {
    assert.ok(looksSecret(name), name);
  }
  for (const name of [
    'WANDB_MODE',
    'TOKENIZERS_PARALLELISM',
    'MAX_TOKENS',
    'PATH',
    'PWD',
    'KEYBOARD',
    'PATIENCE',
  ]) {
    assert.not.ok(looksSecret(name), name);
  }
});

test.run();
