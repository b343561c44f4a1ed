import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createLinePrinter, jobPrefixes, type LinePrinterOptions } from '../../src/tui/log-view.ts';

const test = suite('log-view');

/** What is written for the chunks, piece by piece. */
function print(options: Partial<LinePrinterOptions>, ...chunks: (string | Uint8Array)[]): string[] {
  const written: string[] = [];
  const printer = createLinePrinter({
    prefix: '',
    colour: false,
    terminal: false,
    write: (text) => written.push(text),
    ...options,
  });
  for (const chunk of chunks) printer.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  printer.end();
  return written.filter((text) => text !== '');
}

test('lines are printed whole, however they are cut, with the prefix before each', () => {
  assert.equal(print({ prefix: 'a | ' }, 'one\ntw', 'o\n\nthr', 'ee'), [
    'a | one\n',
    'a | two\n',
    'a | \n',
    'a | three\n',
  ]);
});

test('characters may be cut too', () => {
  const bytes = Buffer.from('日本\n');
  assert.is(
    print({ prefix: 'x ' }, bytes.subarray(0, 2), bytes.subarray(2, 4), bytes.subarray(4)).join(''),
    'x 日本\n',
  );
});

test('in a pipe a progress bar leaves its last state', () => {
  assert.equal(print({}, 'epoch 1\n10%\r50', '%\r100%', '\nend\r\n'), ['epoch 1\n', '100%\n', 'end\n']);
});

test('on a terminal one log passes through at once, progress bars too', () => {
  assert.equal(print({ terminal: true }, '10%\r', '50%\r', '100%\nend'), [
    '10%\r',
    '50%\r',
    '100%\nend',
    '\n',
  ]);
  assert.is(print({ terminal: true }, 'whole\n').join(''), 'whole\n');
});

test('on a terminal several logs are printed line by line', () => {
  assert.equal(print({ terminal: true, prefix: 'a ' }, '10%\r', '100%\n'), ['a 100%\n']);
});

test('colours stay if asked for, and do not run into the next line', () => {
  assert.equal(print({ colour: true, prefix: 'a ' }, '\x1b[31mred\nmore\n'), [
    'a \x1b[31mred\x1b[0m\n',
    'a more\n',
  ]);
  assert.is(print({ colour: true, terminal: true }, '\x1b[31mred\n').join(''), '\x1b[31mred\n\x1b[0m');
  assert.is(print({ colour: false }, '\x1b[31mred\x1b[0m\n').join(''), 'red\n');
});

test('other control sequences are removed', () => {
  for (const terminal of [true, false]) {
    assert.is(print({ colour: true, terminal }, 'a\x1b[2J\x1b]52;c;eA==', '\x07b\n').join(''), 'ab\n');
  }
});

test('a line that never ends does not fill the memory', () => {
  const bar = print({}, ...Array.from({ length: 400 }, (_, step) => `${'#'.repeat(1000)}${step}\r`), '\n');
  assert.equal(bar, [`${'#'.repeat(1000)}399\n`]);
  const endless = print({}, ...Array.from({ length: 400 }, () => 'x'.repeat(1000)));
  assert.ok(endless.length > 1);
  assert.is(endless.join('').replaceAll('\n', '').length, 400_000);
});

test('nothing is printed for nothing', () => {
  assert.equal(print({ prefix: 'a ' }), []);
  assert.equal(print({ terminal: true }), []);
});

test('prefixes are padded to the widest name, coloured if asked; one job needs none', () => {
  const plain = jobPrefixes(['a', '日本', 'b\x1b[2J'], { colour: false });
  assert.equal([...plain.values()], ['a        | ', '日本     | ', 'b\\x1b[2J | ']);
  const [first, second] = jobPrefixes(['a', 'b'], { colour: true }).values();
  assert.match(first ?? '', /^\x1b\[36ma \|\x1b\[39m $/);
  assert.is.not(first?.slice(0, 5), second?.slice(0, 5));
  assert.equal([...jobPrefixes(['a'], { colour: true }).values()], ['']);
});

test.run();
