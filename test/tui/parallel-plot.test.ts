import stringWidth from 'string-width';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { columnsOf } from '../../src/ledger/trial-columns.ts';
import type { Trial } from '../../src/ledger/trials.ts';
import { asciiGlyphs, type Glyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import { parallelPlot } from '../../src/tui/parallel-plot.ts';
import { seriesStyle } from '../../src/tui/series-style.ts';

const trial = (job: string, variables: Trial['variables'], metrics: Trial['metrics']): Trial => ({
  ...{ run: 'a', job, workflow: 'train', state: 'done', runner: null, startedAt: null, finishedAt: null },
  ...{ variables, metrics },
});
const sweep = ['sgd', 'adam', 'lion'].map((optimizer, n) =>
  trial(`train-${n}`, { optimizer, lr: String(10 ** -n) }, { loss: n === 1 ? 'NaN' : 1 + n }),
);
const draw = (
  trials: readonly Trial[],
  width: number,
  options: { colour?: boolean; glyphs?: Glyphs } = {},
): string[] | null => {
  const look = { colour: options.colour ?? false, glyphs: options.glyphs ?? unicodeGlyphs };
  const columns = columnsOf(trials, { goals: new Map() });
  return parallelPlot(trials, columns, {
    ...{ ...look, width, height: 5 },
    style: seriesStyle({ ...look, count: trials.length }),
  });
};

test('an axis for each variable and metric, a line for each trial; texts in order, what is no number nowhere', () => {
  const lines = draw(sweep, 48, { glyphs: asciiGlyphs }) ?? [];
  assert.equal(
    lines.map((line) => line.trimEnd()),
    [
      '   optimizer           lr             loss',
      '     lion               1               3',
      '       xxx            ****             xx',
      '       |  xxxx    ****  | ****     xxxx |',
      '       ooooo  ****      |     ****x     |',
      '       |  ****ooooxxxx  |  xxxx   ****  |',
      '       ***          ooxxxxx           ***',
      '      sgd             0.01              1',
    ],
  );
});

for (const width of [28, 40, 80, 200]) {
  test(`fits into ${width} columns`, () => {
    for (const glyphs of [unicodeGlyphs, asciiGlyphs]) {
      for (const colour of [false, true]) {
        const lines = draw(sweep, width, { glyphs, colour }) ?? [];
        assert.is(lines.length, 8);
        for (const line of lines) assert.ok(stringWidth(line) <= width, line);
        assert.match(lines[0] ?? '', 'loss');
        assert.is(/optimizer/.test(lines[0] ?? ''), width >= 48);
      }
    }
  });
}

test('nothing is drawn without room, or without two things that differ', () => {
  assert.is(draw(sweep, 20), null);
  assert.is(draw([trial('a', {}, { loss: 1 }), trial('b', {}, { loss: 2 })], 80), null);
});

test('foreign text can neither break a line nor steer the terminal', () => {
  const evil = 'a\nb\x1b[2J\u202e';
  const trials = ['1', '2'].map((n) => trial(n, { [evil]: n + evil }, { loss: n + evil }));
  for (const line of draw(trials, 80) ?? ['none'])
    assert.not.match(line, /[\u0000-\u001f\u007f-\u009f\u202e]|^none/);
});

test.run();
