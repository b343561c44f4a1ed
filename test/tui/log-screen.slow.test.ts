import { cleanup, render } from 'ink-testing-library';
import { createElement } from 'react';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { asciiGlyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import { openLogDocument } from '../../src/tui/log-document.ts';
import { openLogPager } from '../../src/tui/log-pager.ts';
import { LogScreen } from '../../src/tui/log-screen.tsx';
import { resize, settled } from './screen-support.ts';

const test = suite('log-screen');
test.after.each(() => cleanup());

async function show(
  text: string,
  size: { columns: number; rows: number },
  { colour = false, glyphs = unicodeGlyphs } = {},
) {
  const document = openLogDocument();
  document.append(0, 0, Buffer.from(text));
  let tell: () => void = () => {};
  const pager = openLogPager({
    ...{ document, title: 'calm-fox/train', prefixes: [''], colour, glyphs, follow: false },
    changed: () => tell(),
  });
  const app = render(
    createElement(LogScreen, {
      pager,
      colour,
      subscribe(listener) {
        tell = listener;
        return () => {};
      },
    }),
  );
  await resize(app, size);
  const screen = () => (app.lastFrame() ?? '').split('\n');
  return {
    screen,
    async press(keys: string) {
      app.stdin.write(keys);
      await settled();
    },
    /** Adds to the log, and waits until that is drawn. */
    async grow(more: string, seen: (lines: string[]) => boolean) {
      document.append(0, 0, Buffer.from(more));
      tell();
      while (!seen(screen())) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    close: () => document.close(),
  };
}

const lines = (count: number) =>
  Array.from({ length: count }, (_, index) => `line ${index + 1} ${'x'.repeat(30)}\n`).join('');

for (const [columns, rows] of [
  [80, 24],
  [200, 50],
  [40, 24],
] as const) {
  for (const colour of [false, true]) {
    for (const glyphs of [unicodeGlyphs, asciiGlyphs]) {
      const kind = `${colour ? 'coloured' : 'plain'}, ${glyphs === unicodeGlyphs ? 'Unicode' : 'ASCII'}`;
      test(`${columns} by ${rows}, ${kind}: fills the screen but for its last line`, async () => {
        const { screen, press, close } = await show(lines(500), { columns, rows }, { colour, glyphs });
        assert.is(screen().length, rows - 1);
        assert.match(screen()[0] ?? '', /^line 1 x/);
        assert.match(screen().at(-1) ?? '', /calm-fox\/train/);
        await press('G');
        assert.match(screen().at(-2) ?? '', /^line 500 x/);
        await press('\x1b[A');
        assert.match(screen().at(-2) ?? '', /^line 499 x/);
        if (!colour) assert.not.match(screen().join(''), /\x1b/);
        if (glyphs === asciiGlyphs && !colour) assert.match(screen().join(''), /^[\x20-\x7e]*$/);
        close();
      });
    }
  }
}

test('keys that come at once are one after the other, what grows is drawn, help comes and goes', async () => {
  const { screen, press, grow, close } = await show(lines(100), { columns: 80, rows: 24 });
  await press('jjjk');
  assert.match(screen()[0] ?? '', /^line 3 x/);
  await press('F');
  assert.match(screen().at(-2) ?? '', /^line 100 x/);
  await grow('new\n', (all) => all.at(-2) === 'new');
  await press('?');
  assert.match(screen()[0] ?? '', /a line down, up/);
  await press('\x1b[B');
  assert.not.match(screen().join('\n'), /a line down, up/);
  await press('/loss');
  assert.is(screen().at(-1), '/loss_');
  close();
});

test('what was typed before the screen was there counts, with its line feeds', async () => {
  const { screen, press, close } = await show(lines(100), { columns: 80, rows: 24 });
  await press('/line 40\n');
  assert.match(screen().join('\n'), /^. line 40 x/m);
  assert.not.match(screen().at(-1) ?? '', /^\//);
  close();
});

test.run();
