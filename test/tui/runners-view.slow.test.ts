import { cleanup, render } from 'ink-testing-library';
import { createElement } from 'react';
import stringWidth from 'string-width';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LedgerState } from '../../src/ledger/state.ts';
import { asciiGlyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import { RunnersScreen } from '../../src/tui/runners-view.tsx';
import type { Reading } from '../../src/tui/status-screen.tsx';
import { ago, NOW, sampleRunner } from './sample-state.ts';
import { resize, settled } from './screen-support.ts';

const test = suite('runners-view');
test.after.each(() => cleanup());

const many = Array.from({ length: 40 }, (_, index) =>
  sampleRunner(`gpu-${index + 1}`, {
    jobs: [`brave-otter-7k2m/train-${index + 1}`],
    doing: [
      {
        job: `brave-otter-7k2m/train-${index + 1}`,
        state: 'running',
        since: ago(60),
        cpu: 1,
        memory: 0,
        gpus: 0,
      },
    ],
  }),
);

async function show(
  size: { columns: number; rows: number },
  { colour = false, glyphs = unicodeGlyphs, error = null as string | null } = {},
) {
  const state = { runs: [], runners: many } as unknown as LedgerState;
  const reading: Reading = { state, error, readAt: error === null ? NOW : NOW - 60_000 };
  let looks = 0;
  const app = render(
    createElement(RunnersScreen, {
      ...{ colour, glyphs, clock: () => NOW },
      source: {
        subscribe(listener) {
          listener(reading);
          return () => {};
        },
        hurry() {
          looks += 1;
        },
      },
    }),
  );
  await resize(app, size);
  return {
    looks: () => looks,
    screen: () => (app.lastFrame() ?? '').split('\n'),
    async press(keys: string) {
      app.stdin.write(keys);
      await settled();
    },
  };
}

for (const [columns, rows] of [
  [80, 24],
  [200, 50],
  [40, 24],
] as const) {
  for (const colour of [false, true]) {
    for (const glyphs of [unicodeGlyphs, asciiGlyphs]) {
      const kind = `${colour ? 'coloured' : 'plain'}, ${glyphs === unicodeGlyphs ? 'Unicode' : 'ASCII'}`;
      test(`${columns} by ${rows}, ${kind}: fits, and scrolls to either end`, async () => {
        const { screen, press } = await show({ columns, rows }, { colour, glyphs });
        assert.is(screen().length, rows - 1);
        for (const line of screen()) assert.ok(stringWidth(line) <= columns, line);
        assert.match(screen().join('\n'), /gpu-1\b/);
        assert.match(screen().at(-1) ?? '', /q quit .*1-\d+ of \d+/);
        await press('G');
        assert.match(screen().join('\n'), /gpu-40\b/);
        await press('g');
        await press('j');
        assert.match(screen().at(-1) ?? '', / 2-\d+ of /);
        if (!colour) assert.not.match(screen().join(''), /\x1b/);
        if (glyphs === asciiGlyphs && !colour) assert.match(screen().join(''), /^[\x20-\x7e]*$/);
      });
    }
  }
}

test('whoever presses a key is shown what is new', async () => {
  const { press, looks } = await show({ columns: 80, rows: 24 });
  assert.is(looks(), 0);
  await press('j');
  assert.is(looks(), 1);
});

test('what is shown is said to be old where the repository does not answer', async () => {
  const { screen } = await show({ columns: 80, rows: 24 }, { error: 'it is gone' });
  assert.match(screen().join('\n'), /it is gone/);
  assert.match(screen().join('\n'), /gpu-1\b/);
});

test.run();
