import { setTimeout as sleep } from 'node:timers/promises';
import stringWidth from 'string-width';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { asciiGlyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import { type LogDocument, openLogDocument } from '../../src/tui/log-document.ts';
import { beingRead, type LogPagerOptions, openLogPager } from '../../src/tui/log-pager.ts';

const test = suite<{ document: LogDocument }>('log-pager');

test.before.each((context) => {
  context.document = openLogDocument();
});
test.after.each(({ document }) => document.close());

function open(
  document: LogDocument,
  options: Partial<LogPagerOptions> = {},
  size = { columns: 40, rows: 6 },
) {
  let changes = 0;
  const pager = openLogPager({
    document,
    title: 'calm-fox',
    prefixes: [''],
    colour: false,
    glyphs: unicodeGlyphs,
    follow: false,
    changed: () => {
      changes += 1;
    },
    ...options,
  });
  const frame = () => pager.frame(size.columns, size.rows);
  frame();
  return {
    pager,
    size,
    frame,
    rows: () => frame().rows.map((row) => row.trimEnd()),
    foot: () => frame().foot,
    press(...keys: string[]) {
      for (const key of keys) {
        pager.press(key);
        frame();
      }
    },
    /** Presses keys, and waits until what they have begun is over. */
    async searched(...keys: string[]) {
      const before = changes;
      for (const key of keys) pager.press(key);
      while (changes === before) await sleep(5);
      frame();
    },
  };
}

const numbered = (count: number) =>
  Buffer.from(Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join(''));

test('moves by lines, pages, halves, and to both ends, but not beyond', ({ document }) => {
  document.append(0, 0, numbered(100));
  const { press, rows, foot } = open(document);
  assert.equal(rows(), ['line 1', 'line 2', 'line 3', 'line 4', 'line 5']);
  assert.is(foot(), 'calm-fox · 1-5 of 100 · ? help · q quit');
  for (const [keys, first] of [
    [['j', 'down'], 3],
    [['k'], 2],
    [['k', 'k', 'up'], 1],
    [[' '], 6],
    [['pagedown'], 11],
    [['b'], 6],
    [['d'], 8],
    [['u'], 6],
    [['G'], 96],
    [['j', ' '], 96],
    [['k'], 95],
    [['end'], 96],
    [['home'], 1],
  ] as const) {
    press(...keys);
    assert.is(rows()[0], `line ${first}`, keys.join(' '));
  }
});

test('long lines are wrapped and can be passed row by row, or cut and moved sideways', ({ document }) => {
  document.append(0, 0, Buffer.from(`${'a'.repeat(40)}${'b'.repeat(40)}c\nnext\nlast\n1\n2\n3\n`));
  const { press, rows } = open(document);
  assert.equal(rows(), ['a'.repeat(40), 'b'.repeat(40), 'c', 'next', 'last']);
  press('j');
  assert.equal(rows(), ['b'.repeat(40), 'c', 'next', 'last', '1']);
  press('j', 'j', 'k');
  assert.equal(rows()[0], 'c');
  press('g', 'w');
  assert.equal(rows().slice(0, 2), ['a'.repeat(40), 'next']);
  press('right');
  assert.equal(rows()[0], 'a'.repeat(32) + 'b'.repeat(8));
  assert.equal(rows()[1], '');
  press('left', 'left', 'w');
  assert.equal(rows()[1], 'b'.repeat(40));
});

test('follows what grows, until one moves, and again at F', ({ document }) => {
  document.append(0, 0, numbered(10));
  const { press, rows, foot } = open(document, { follow: true });
  assert.is(rows().at(-1), 'line 10');
  assert.match(foot(), /following/);
  document.append(0, 0, Buffer.from('more\nand an open'));
  assert.equal(rows().slice(-2), ['more', 'and an open']);
  press('k');
  document.append(0, 0, Buffer.from(' end\nnew\n'));
  assert.is(rows().at(-1), 'more');
  assert.not.match(foot(), /following/);
  press('F');
  assert.is(rows().at(-1), 'new');
});

test('searches as it is typed, goes to the next and the one before, and says where there is none', async ({
  document,
}) => {
  document.append(0, 0, numbered(50));
  document.append(0, 0, Buffer.from('Loss is NaN\n'));
  document.append(0, 0, numbered(50));
  document.append(0, 0, Buffer.from('loss is fine\n'));
  document.append(0, 0, numbered(50));
  const { press, searched, rows, foot } = open(document);
  press('/', ...'losx');
  assert.is(foot(), '/losx_');
  press('backspace');
  await searched('s', 'enter');
  assert.is(rows()[3], '❯ Loss is NaN');
  await searched('n');
  assert.is(rows()[3], '❯ loss is fine');
  await searched('n');
  assert.match(foot(), /^no “los+” below$/);
  await searched('N');
  assert.is(rows()[3], '❯ Loss is NaN');
  // A capital means a capital.
  await searched('g', '/', ...'NaN', 'enter');
  assert.is(rows()[3], '❯ Loss is NaN');
  press('/', 'x', 'escape');
  assert.match(foot(), /calm-fox/);
});

test('goes from error to error', async ({ document }) => {
  document.append(0, 0, numbered(30));
  document.append(0, 0, Buffer.from('ValueError: one\n'));
  document.append(0, 0, numbered(30));
  document.append(0, 0, Buffer.from('CUDA out of memory\n'));
  document.append(0, 0, numbered(30));
  const { searched, rows, foot } = open(document);
  await searched('e');
  assert.is(rows()[3], '❯ ValueError: one');
  await searched('e');
  assert.is(rows()[3], '❯ CUDA out of memory');
  await searched('e');
  assert.is(foot(), 'no error below');
  await searched('E');
  assert.is(rows()[3], '❯ ValueError: one');
});

test('what is found is marked in its line, where there are colours', async ({ document }) => {
  document.append(0, 0, Buffer.from('\x1b[31mred loss\x1b[0m and loss\nred\n'));
  const { searched, rows } = open(document, { colour: true });
  assert.match(rows()[0] ?? '', /\x1b\[31mred loss/);
  await searched('/', ...'loss', 'enter');
  assert.match(rows()[0] ?? '', /❯ red \x1b\[7mloss\x1b\[27m and \x1b\[7mloss\x1b\[27m/);
});

test('jobs have their prefixes, lines their times on demand; help covers it', ({ document }) => {
  document.append(0, 1_700_000_000, Buffer.from('one\n'));
  document.append(1, 1_700_000_061, Buffer.from('two\n'));
  const { press, rows } = open(document, { prefixes: ['a | ', 'b | '] });
  assert.equal(rows(), ['a | one', 'b | two']);
  press('t');
  assert.match(rows()[0] ?? '', /^\d\d:\d\d:20 a \| one$/);
  assert.match(rows()[1] ?? '', /^\d\d:\d\d:21 b \| two$/);
  press('?');
  assert.match(rows()[0] ?? '', /a line down, up/);
  press('j');
  assert.match(rows()[0] ?? '', /a \| one$/);
});

test('at any size no row is too wide, and what is hostile stays harmless', ({ document }) => {
  const evil = `\x1b[2J\x1b]52;c;eA==\x07\x1b[31mred\t日本語 ${'x'.repeat(300)}\r50%\r\x1b[32m100%`;
  for (let count = 0; count < 30; count += 1)
    document.append(count % 2, 0, Buffer.from(`${evil}\n日本${'語'.repeat(150)}\n`));
  for (const [columns, rows] of [
    [80, 24],
    [200, 50],
    [40, 24],
    [12, 4],
  ] as const) {
    for (const colour of [false, true]) {
      for (const glyphs of [unicodeGlyphs, asciiGlyphs]) {
        const size = { columns, rows };
        const { press, frame } = open(document, { prefixes: ['a | ', 'b | '], colour, glyphs }, size);
        for (const key of ['j', 't', ' ', 'w', 'right', '?', 'q', 'G']) {
          press(key);
          const { rows: lines, foot } = frame();
          assert.ok(lines.length < rows, key);
          for (const line of [...lines, foot]) {
            assert.ok(stringWidth(line) <= Math.max(columns, 8 + 15), `${columns}: ${JSON.stringify(line)}`);
            assert.not.match(line.replace(/\x1b\[[0-9;]*m/g, ''), /[\x00-\x1f]/);
            if (!colour) assert.not.match(line, /\x1b/);
          }
        }
      }
    }
  }
});

test('only q, Escape and Ctrl+C leave, and not while something is typed', ({ document }) => {
  const { pager } = open(document);
  assert.is(pager.press('j'), undefined);
  pager.press('/');
  assert.is(pager.press('q'), undefined);
  assert.is(pager.press('escape'), undefined);
  for (const key of ['q', 'escape', 'ctrl-c']) assert.is(pager.press(key), 'leave');
});

test('the end of a log that is still being read is where that ends', ({ document }) => {
  const { pager, press, rows, foot } = open(document);
  document.append(0, 0, numbered(50));
  pager.state(beingRead);
  press('G');
  document.append(0, 0, numbered(100));
  assert.is(rows().at(-1), 'line 100');
  assert.not.match(foot(), /following/);
  pager.state('done');
  document.append(0, 0, numbered(3));
  assert.is(rows().at(-1), 'line 100');
  press('k');
  assert.is(rows().at(-1), 'line 99');
});

test.run();
