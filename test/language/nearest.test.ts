import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nearest } from '../../src/language/nearest.ts';

test('a slip of the keyboard finds its word', () => {
  const words = ['preprocess', 'train', 'evaluate'];
  assert.is(nearest('trian', words), 'train');
  assert.is(nearest('preproces', words), 'preprocess');
  assert.is(nearest('Evaluate', words), 'evaluate');
});

test('of two near words the nearer one is taken, of equally near ones the first', () => {
  assert.is(nearest('evaluat', ['evaluator', 'evaluate']), 'evaluate');
  assert.is(nearest('trainx', ['train', 'trainy']), 'train');
});

test('a hyphen for an underscore is no difference', () => {
  assert.is(nearest('working-dir', ['env', 'working_dir']), 'working_dir');
});

test('a word that is like none has no neighbour', () => {
  assert.is(nearest('deploy', ['preprocess', 'train']), null);
  assert.is(nearest('x', ['a', 'b']), null);
  assert.is(nearest('lr', []), null);
  assert.is(nearest('a'.repeat(1_000_000), ['a'.repeat(1_000_000)]), null);
});

test.run();
