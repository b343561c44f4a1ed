import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findTrouble } from '../../src/tui/error-lines.ts';

const test = suite('error-lines');

const trouble = [
  'Traceback (most recent call last):',
  'ValueError: could not convert',
  'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB',
  'E   AssertionError: assert 1 == 2',
  'KeyboardInterrupt',
  'error: src/a.c:1: expected ;',
  'rustc: error[E0308]: mismatched types',
  '2024-01-01 12:00:00 ERROR training failed',
  '[ERROR] no',
  'fatal: not a git repository',
  'npm ERR! code 1',
  'panic: runtime error',
  'sh: 1: pyton: command not found',
  "python: can't open file 'x.py': [Errno 2] No such file or directory",
  'OSError: [Errno 28] No space left on device',
  'Segmentation fault (core dumped)',
  'Killed',
  '/bin/sh: line 1: 17 Killed',
  'process exited with code 137',
  'make: *** [all] Error: 2',
];
const fine = [
  'epoch 3  loss 0.31  error 0.02',
  'errors: 0, warnings: 3',
  '0 errors',
  'mean_squared_error 0.5',
  'RMSError 0.5',
  'no errors were found',
  'exit code 0',
  'no-error: fine',
  'Killed processes are counted',
  'loading ErrorHandler',
];

test('finds what looks like trouble', () => {
  for (const line of trouble) assert.ok((findTrouble(`fine\n${line}\nfine\n`, 0)?.at ?? 0) >= 5, line);
});

test('and not what only speaks of it', () => {
  for (const line of fine) assert.is(findTrouble(`${line}\n`, 0), null, line);
});

test('the next one from a place on', () => {
  const text = 'a\nValueError: b\nc\nKilled\n';
  assert.is(findTrouble(text, 0)?.at, 2);
  assert.is(findTrouble(text, 16)?.at, text.indexOf('Killed'));
  assert.is(findTrouble(text, text.length), null);
});

test.run();
