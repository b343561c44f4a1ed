import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guessOption, parseVariableOptions } from '../../src/cli/variable-options.ts';
import { DstackError } from '../../src/errors.ts';

const test = suite('variable options');

function failure(words: string[]): DstackError {
  try {
    parseVariableOptions(words);
  } catch (error) {
    if (error instanceof DstackError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

test('the workflow stands anywhere, values beside or behind =', () => {
  const overrides = { lr: '0.1', note: 'a=b' };
  const expected = { workflow: 'train', overrides };
  assert.equal(parseVariableOptions(['train', '--lr', '0.1', '--note=a=b']), expected);
  assert.equal(parseVariableOptions(['--lr', '0.1', 'train', '--note', 'a=b']), expected);
});

test('a value may be empty, negative, or look like an option', () => {
  assert.equal(parseVariableOptions(['t', '--a=', '--b', '-1', '--c', '--d', '--e', 'x\ny']).overrides, {
    a: '',
    b: '-1',
    c: '--d',
    e: 'x\ny',
  });
});

test('the last of two values counts, and nothing is inherited from objects', () => {
  assert.equal(parseVariableOptions(['t', '--a', '1', '--a', '2']).overrides, { a: '2' });
  const { overrides } = parseVariableOptions(['t', '--constructor', '1']);
  assert.equal(Object.keys(overrides), ['constructor']);
  assert.is(parseVariableOptions([]).workflow, null);
});

test('mistakes are wrong usage', () => {
  for (const [words, code] of [
    [['t', '--lr'], 'missing-value'],
    [['t', 'u'], 'unexpected-argument'],
    [['t', '-x'], 'unexpected-argument'],
  ] as const) {
    const error = failure([...words]);
    assert.is(error.code, code);
    assert.is(error.exitCode, 2);
  }
});

test('an option that is written wrong is guessed, where it has led to a failure', () => {
  const guessed = (words: string[]) =>
    (guessOption(failure(words), words, ['--no-cache', '--name']) as DstackError).hint ?? '';
  assert.match(guessed(['train', '--no-cahe']), /^did you mean --no-cache\? if not: write it as/);
  assert.match(
    guessed(['train', '--no-cahe', '--lr', '0.1']),
    /^did you mean --no-cache\? if not: start one/,
  );
  assert.match(guessed(['train', '--nmae=x', '-x']), /^did you mean --name\? /);
  assert.match(guessed(['train', '--learning-rate']), /^write it as/);
  const other = new DstackError('unreachable', 'it is away');
  assert.is(guessOption(other, ['--no-cahe'], ['--no-cache']), other);
});

test.run();
