import stringWidth from 'string-width';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cellWidth } from '../../src/tui/cell-width.ts';

/** Where there are signs, marks, selectors and emoji. */
const ranges = [
  [0, 0x3000],
  [0xfe00, 0xffff],
  [0x1f000, 0x1fbff],
] as const;

test('every character is as wide as string-width says, alone and among others', () => {
  for (const [first, last] of ranges) {
    for (let code = first; code <= last; code += 1) {
      const character = String.fromCodePoint(code);
      for (const text of [character, `─${character}✔${character}#`])
        if (cellWidth(text) !== stringWidth(text)) assert.unreachable(`U+${code.toString(16)} in ${text}`);
    }
  }
});

test('colours take no room, and other escapes are left to string-width', () => {
  for (const [text, width] of [
    ['', 0],
    ['\x1b[31m├─ train\x1b[0m', 8],
    ['\x1b[1;38;5;12m日本\x1b[22m', 4],
    ['\x1b]8;;https://example.org\x07link\x1b]8;;\x07', 4],
    ['☺️👍🏽', 4],
  ] as const) {
    assert.is(cellWidth(text), width, JSON.stringify(text));
    assert.is(stringWidth(text), width, JSON.stringify(text));
  }
});

test.run();
