import stringWidth from 'string-width';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Measurements } from '../../src/ledger/measurements.ts';
import { asciiGlyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import {
  type ChartedJob,
  chartsInLines,
  type MetricsChartsOptions,
  metricsCharts,
} from '../../src/tui/metrics-charts.ts';

const range = (count: number) => Array.from({ length: count }, (_, index) => index);
/** A loss that falls from 1 to almost nothing, and an accuracy that rises. */
const falling = (count: number, from = 1): Measurements[] =>
  range(count).map((index) => ({ step: index * 10, loss: from * 0.9 ** index, accuracy: index / count }));
const job = (name: string, points: readonly Measurements[]): ChartedJob => ({
  ...{ run: name, job: 'train', matrix: null, points },
  last: points.at(-1) ?? null,
});
const options: MetricsChartsOptions = {
  ...{ width: 60, chartHeight: 11, most: 6, colour: false, glyphs: unicodeGlyphs },
};
const draw = (jobs: readonly ChartedJob[], changes: Partial<MetricsChartsOptions> = {}) =>
  metricsCharts(jobs, { ...options, ...changes });
const linesOf = (jobs: readonly ChartedJob[], changes: Partial<MetricsChartsOptions> = {}) =>
  draw(jobs, changes).text.split('\n').slice(0, -1);

test('one job: a line in Braille, between axes with round numbers, and its last values below', () => {
  const lines = linesOf([job('a', falling(20))], { names: ['loss'] });
  assert.equal(
    lines.map((line) => line.trimEnd()),
    [
      'loss',
      '1.0 ┤⠑⠢⣀',
      '    │   ⠑⠢⢄',
      '    │      ⠉⠒⠤⢄⣀',
      '    │           ⠉⠒⠤⣀⡀',
      '0.5 ┤               ⠈⠑⠒⠤⢄⣀⡀',
      '    │                     ⠈⠉⠉⠒⠢⠤⢄⣀⡀',
      '    │                             ⠈⠉⠒⠒⠤⠤⠤⣀⣀⣀',
      '    │                                       ⠉⠉⠉⠉⠉⠑⠒⠒⠢⠤⠤⠤⠤⠤⣀⣀',
      '    └┬─────────────┬─────────────┬──────────────┬───────────',
      '     0            50            100            150      step',
      'JOB      step  loss',
      'a/train  190   0.13509',
    ],
  );
});

test('several jobs lie over each other; without colours each has a mark of its own, which the table explains', () => {
  const jobs = [job('a', falling(20)), job('b', falling(20, 0.5))];
  const lines = linesOf(jobs, { names: ['loss'] });
  assert.match(lines[1] ?? '', /^ *1\.0 ┤●/);
  assert.ok(lines.some((line) => /[│┤]○/.test(line)));
  assert.match(lines.at(-2) ?? '', /^● {2}a\/train +190/);
  assert.match(lines.at(-1) ?? '', /^○ {2}b\/train +190/);
  const ascii = draw(jobs, { names: ['loss'], glyphs: asciiGlyphs }).text;
  assert.match(ascii, /^[ -~\n]*$/);
  assert.match(ascii, /\n1\.0 \+\*/);
  const coloured = draw(jobs, { names: ['loss'], colour: true }).text;
  assert.match(coloured, /\x1b\[36m[\u2800-\u28ff]\x1b\[39m/);
  assert.match(coloured, /\x1b\[33m━━\x1b\[39m {2}b\/train/);
});

test('what can be drawn: numbers that change over the axis, all of them or those that are named', () => {
  const points = range(5).map((step) => ({
    step,
    loss: step,
    note: 'x',
    once: true,
    'val.acc': 1 / (step + 1),
  }));
  const titles = (changes: Partial<MetricsChartsOptions>) =>
    linesOf([job('a', points)], changes).filter((line) => /^\S+$/.test(line));
  assert.equal(titles({}), ['loss', 'val.acc']);
  assert.equal(titles({ names: ['val.acc'] }), ['val.acc']);
  assert.equal(titles({ x: 'loss' }), ['step', 'val.acc']);
  assert.equal(titles({ most: 1 }), ['loss']);
  assert.equal(draw([job('a', points)], { most: 1 }).leftOut, ['val.acc']);
  assert.equal(titles({ width: 20 }), [], 'too narrow for charts');
});

test('without steps lines are counted; where only some jobs have steps, too', () => {
  const bare = range(4).map((loss) => ({ loss }));
  assert.match(draw([job('a', bare)]).text, /┬ *\n +1 .* line\n/);
  assert.match(draw([job('a', bare), job('b', falling(4))], { names: ['loss'] }).text, / line\n/);
});

test('what is no number interrupts a line; far apart values go by their logarithm', () => {
  const points = [{ loss: 1 }, { loss: 'NaN' }, { loss: 10 }, { loss: 1e4 }];
  const text = draw([job('a', points)]).text;
  assert.match(text, /^loss \(log scale\)\n/);
  assert.match(text, /\n10000 ┤/);
  assert.not.match(draw([job('a', points)], { log: false }).text, /log scale/);
  assert.match(draw([job('a', falling(4))], { log: true, names: ['loss'] }).text, /^loss \(log scale\)/);
});

test('foreign names can neither break a line nor steer the terminal', () => {
  const evil = 'a\nb\x1b[2J\u202e';
  const text = draw(
    [
      job(
        evil,
        range(4).map((step) => ({ [evil]: step, x: step })),
      ),
    ],
    { x: evil },
  ).text;
  assert.not.match(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/);
  assert.match(text, /a\\x0ab/);
  const inherited = draw([job('a', [{ constructor: 1 }, { constructor: 2 }, { loss: 1 }])]).text;
  assert.not.match(inherited, /native code/);
});

for (const width of [24, 40, 80, 143, 200]) {
  test(`fits into ${width} columns, in the lines that there are`, () => {
    const jobs = range(3).map((number) => job(`run-${number}`, falling(50)));
    for (const colour of [false, true]) {
      for (const glyphs of [unicodeGlyphs, asciiGlyphs]) {
        const size = chartsInLines(30, width, jobs);
        const lines = linesOf(jobs, { width, colour, glyphs, ...size });
        for (const line of lines) assert.ok(stringWidth(line) <= width, line);
        assert.ok(lines.length <= 30, `${lines.length} lines`);
        assert.is(
          lines.some((line) => /^loss {30,}accuracy/.test(line.replace(/\x1b\[\d+m/g, ''))),
          width >= 143,
        );
      }
    }
  });
}

test.run();
