import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { collapseCarriageReturns, createLogSanitizer, plainText } from '../src/terminal-text.ts';

const test = suite('terminal-text');

function sanitize(input: string | Uint8Array, colour = true): string {
  const sanitizer = createLogSanitizer({ colour });
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  return sanitizer.push(bytes) + sanitizer.end();
}

test('plainText shows controls and leaves ordinary text alone', () => {
  const table: [string, string][] = [
    ['brave-otter-7k2m', 'brave-otter-7k2m'],
    ['naïve 模型 👩‍🔬 עברית', 'naïve 模型 👩‍🔬 עברית'],
    ['a\nb\tc\r', 'a\\x0ab\\x09c\\x0d'],
    ['\x1b[2Jx\x1b]0;t\x07', '\\x1b[2Jx\\x1b]0;t\\x07'],
    ['\x9b31m\x7f', '\\x9b31m\\x7f'],
    ['a\u202egnp.exe', 'a\\u{202e}gnp.exe'],
    ['a\u2066b\u2069\u2028\ufeff', 'a\\u{2066}b\\u{2069}\\u{2028}\\u{feff}'],
    ['\ud800x\udc00', '\\u{d800}x\\u{dc00}'],
  ];
  for (const [input, expected] of table) assert.is(plainText(input), expected);
});

test('a log keeps text, tabs and line breaks', () => {
  assert.is(sanitize('epoch\t1\r\n損失 0.3 🎉\n'), 'epoch\t1\r\n損失 0.3 🎉\n');
});

test('a log keeps colours only where they are wanted', () => {
  const text = '\x1b[1;38;5;196mred\x1b[0m \x1b[4:3mcurly\x1b[m';
  assert.is(sanitize(text), text);
  assert.is(sanitize(text, false), 'red curly');
  assert.is(sanitize('\x9b31mred\x1b[m'), '\x1b[31mred\x1b[m');
});

test('a colour that was left on is reset at the end', () => {
  assert.is(sanitize('\x1b[31mred'), '\x1b[31mred\x1b[0m');
  assert.is(sanitize('\x1b[31mred', false), 'red');
});

const sequences: [string, string][] = [
  ['cursor and erase', 'a\x1b[2J\x1b[H\x1b[1A\x1b[Kb'],
  ['private modes', 'a\x1b[?1049h\x1b[?25lb'],
  ['m that is not a colour', 'a\x1b[>4;1m\x1b[?4m\x1b[1 mb'],
  ['window title with BEL', 'a\x1b]0;title\x07b'],
  ['clipboard with ST', 'a\x1b]52;c;cm0gLXJm\x1b\\b'],
  ['hyperlink', '\x1b]8;;http://evil\x1b\\ab\x1b]8;;\x1b\\'],
  ['C1 forms', 'a\x9d0;t\x9cb\x9b2J\x90q\x9c'],
  ['DCS, SOS, PM, APC', 'a\x1bPq#0\x1b\\\x1bXs\x1b\\\x1b^p\x1b\\\x1b_Ga\x1b\\b'],
  ['string cut off by another sequence', 'a\x1b]0;t\x1b[2Jb'],
  ['charset and two-character escapes', 'a\x1b(0\x1bc\x1b=\x1b#8b'],
  ['cancelled', 'a\x1b[12\x18b'],
  ['controls within a sequence', 'a\x1b[1\x07\t2Jb'],
  ['bell, backspace, delete, shift', 'a\x07\x08\x7f\x0e\x00b'],
  ['changes of direction', '\u202ea\u2066\x1b[\u202eb\u2069\u202c'],
  ['doubled escape', 'a\x1b\x1b[2Jb'],
  ['over-long colour', `a\x1b[${'1;'.repeat(500)}mb`],
];
for (const [name, input] of sequences) {
  test(`stripped: ${name}`, () => {
    assert.is(sanitize(input), 'ab');
    const sanitizer = createLogSanitizer({ colour: true });
    let output = '';
    for (const byte of Buffer.from(input)) output += sanitizer.push(Uint8Array.of(byte));
    assert.is(output + sanitizer.end(), 'ab');
  });
}

test('a line break ends an unterminated sequence', () => {
  assert.is(sanitize('a\x1b]0;endless\nb'), 'a\nb');
  assert.is(sanitize('a\x1b[12\nb'), 'a\nb');
  assert.is(sanitize('a\x1b'), 'a');
});

test('text that is not ASCII breaks a sequence off', () => {
  assert.is(sanitize('a\x1b[1é'), 'aé');
  assert.is(sanitize('a\x1b🎉'), 'a🎉');
});

test('invalid UTF-8 becomes the replacement character', () => {
  assert.is(sanitize(Uint8Array.of(0x61, 0xff, 0x62, 0xe2, 0x82)), 'a\ufffdb\ufffd');
  // A raw 0x9b is not a CSI in UTF-8.
  assert.is(sanitize(Uint8Array.of(0x9b, 0x32, 0x4a)), '\ufffd2J');
});

test('property: no control survives, and chunk borders do not matter', () => {
  const piece = fc.oneof(
    fc.constantFrom('\x1b', '[', ']', '\\', 'P', 'm', ';', '3', '?', '\x07', '\x18', '\x9b', '\x9d', '\x9c'),
    fc.constantFrom('\n', '\r', '\t', ' ', '\x1b[31m', '\x1b[0m', '\x1b]0;', '\x1b\\'),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const bytes = fc.oneof(
    fc.array(piece, { maxLength: 30 }).map((pieces) => new Uint8Array(Buffer.from(pieces.join('')))),
    fc.uint8Array({ maxLength: 60 }),
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(60)), fc.boolean(), (input, cuts, colour) => {
      const sanitizer = createLogSanitizer({ colour });
      const borders = [0, ...cuts.sort((a, b) => a - b), input.length];
      let output = '';
      for (let i = 1; i < borders.length; i++)
        output += sanitizer.push(input.slice(borders[i - 1], borders[i]));
      output += sanitizer.end();
      assert.is(output, sanitize(input, colour));
      const rest = colour ? output.replace(/\x1b\[[0-9;:]*m/g, '') : output;
      assert.not.match(rest, /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/);
    }),
    { numRuns: 500 },
  );
});

test('an unterminated sequence of many bytes is not kept', () => {
  const sanitizer = createLogSanitizer({ colour: true });
  const chunk = Buffer.alloc(1 << 16, 'x');
  sanitizer.push(Buffer.from('\x1b]0;'));
  for (let i = 0; i < 100; i++) assert.is(sanitizer.push(chunk), '');
  sanitizer.push(Buffer.from('\x1b\\\x1b['));
  for (let i = 0; i < 100; i++) assert.is(sanitizer.push(Buffer.alloc(1 << 16, '1')), '');
  assert.is(sanitizer.push(Buffer.from('mdone')), 'done');
});

test('collapseCarriageReturns keeps the last state of a line', () => {
  const table: [string, string][] = [
    ['plain', 'plain'],
    ['from CRLF\r', 'from CRLF'],
    ['10%\r20%\r100%', '100%'],
    ['10%\r100%\r\r', '100%'],
    ['\r', ''],
    ['bar\r   \r', '   '],
    ['\x1b[32m10%\r20%\x1b[0m', '\x1b[32m20%\x1b[0m'],
    ['\x1b[31m1\x1b[0m\r\x1b[32m2\r\x1b[0m', '\x1b[32m2\x1b[0m'],
    ['\x1b[31m\r\x1b[0m', '\x1b[31m\x1b[0m'],
  ];
  for (const [input, expected] of table) assert.is(collapseCarriageReturns(input), expected);
});

test.run();
