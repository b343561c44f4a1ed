import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatCsv } from '../src/csv.ts';

const fieldOf = (value: string | number | boolean | null) => formatCsv(['x'], [[value]]).slice(2, -1);

test('values stand as they are, apart by commas, a line each', () => {
  assert.is(
    formatCsv(
      ['job', 'lr'],
      [
        ['train', 0.1],
        [null, true],
      ],
    ),
    'job,lr\ntrain,0.1\n,true\n',
  );
});

test('what has commas, quotes or spaces around it is quoted', () => {
  assert.is(fieldOf('a,b'), '"a,b"');
  assert.is(fieldOf('say "no"'), '"say ""no"""');
  assert.is(fieldOf(' a '), '" a "');
  assert.is(fieldOf('a b'), 'a b');
});

test('nothing is a formula, and a number with a sign stays one', () => {
  for (const text of ['=1+1', '+cmd|x', '-1+1', '@SUM(A1)', '\t=1', ' =1', '-', '-1.2.3=4'])
    assert.match(fieldOf(text), /^"?'/, text);
  for (const text of ['-0.5', '+1', '-1e-3', '-Infinity', '-.5', '1-1', 'a=1'])
    assert.is(fieldOf(text), text);
  assert.is(fieldOf(-0.5), '-0.5');
});

test('a text can neither begin a line nor steer a terminal', () => {
  assert.is(fieldOf('a\nb\x1b[2J\u202e'), 'a\\x0ab\\x1b[2J\\u{202e}');
});

test.run();
