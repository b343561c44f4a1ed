import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { unicodeGlyphs } from '../../src/tui/glyphs.ts';
import { helpText } from '../../src/tui/status-words.ts';

test('the help breaks lines between words, below where they begin', () => {
  const wide = helpText(unicodeGlyphs, 200).split('\n');
  assert.is(wide[2], 'enter          fold or unfold a run; all about a job');
  const narrow = helpText(unicodeGlyphs, 40).split('\n');
  const at = narrow.findIndex((line) => line.startsWith('enter '));
  assert.equal(narrow.slice(at, at + 2), [
    'enter          fold or unfold a run; all',
    '               about a job',
  ]);
  assert.ok(narrow.every((line) => line.length <= 40));
  const words = (lines: string[]) => lines.join(' ').split(/\s+/);
  assert.equal(words(narrow), words(wide));
});

test.run();
