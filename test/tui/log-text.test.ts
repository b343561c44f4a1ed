import stringWidth from 'string-width';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { columnsOf, finder, marked, shownText, wrapped } from '../../src/tui/log-text.ts';

const test = suite('log-text');

const shown = (text: string, colour = false) => shownText({ bytes: Buffer.from(text) }, colour);

test('a line as a terminal leaves it: the last state of a bar, tabs as spaces, no sequences but colours', () => {
  assert.is(shown('10%\r\x1b[2K50%\r100%'), '100%');
  assert.is(shown('a\tbc\td'), 'a       bc      d');
  assert.is(shown('日\tb'), '日      b');
  assert.is(shown('\x1b[2J\x1b[31mred\x1b]0;x\x07'), 'red');
  assert.is(shown('\x1b[2J\x1b[31mred', true), '\x1b[31mred\x1b[0m');
});

test('wrapped: nothing is lost, wide characters stay whole, colours go on in the next piece and end with it', () => {
  assert.equal(wrapped('abcdef', 3), ['abc', 'def']);
  assert.equal(wrapped('', 3), ['']);
  assert.equal(wrapped('ab日c', 3), ['ab', '日c']);
  assert.equal(wrapped('\x1b[31mabcd\x1b[0mef', 3), ['\x1b[31mabc\x1b[0m', '\x1b[31md\x1b[0mef']);
  const long = `${'語'.repeat(3_000)}\x1b[1m${'x'.repeat(10_000)}`;
  const pieces = wrapped(long, 79);
  assert.ok(pieces.every((piece) => stringWidth(piece) <= 79));
  assert.is(pieces.join('').replace(/\x1b\[\d*m/g, ''), long.replace('\x1b[1m', ''));
});

test('a part of the columns', () => {
  assert.is(columnsOf('abcdef', 2, 3), 'cde');
  assert.is(columnsOf('abc', 8, 3), '');
  assert.is(columnsOf('a\x1b[31mbcd', 2, 1), '\x1b[31mc\x1b[0m');
  assert.ok(stringWidth(columnsOf('a日b日c', 1, 4)) <= 4);
});

test('what is found, in either case unless a capital was asked for; a pattern is none', () => {
  assert.equal(finder('los')('Loss loss', 1), { at: 5, length: 3 });
  assert.equal(finder('Los')('loss Loss', 0), { at: 5, length: 3 });
  assert.equal(finder('a.b*')('aab a.b*', 0), { at: 4, length: 4 });
  assert.is(finder('x')('abc', 0), null);
  assert.is(marked('a loss', finder('loss')), 'a \x1b[7mloss\x1b[27m');
  assert.is(marked('\x1b[31mred', finder('loss')), '\x1b[31mred');
});

test.run();
