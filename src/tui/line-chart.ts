import { plainText } from '../terminal-text.ts';
import { brailleDots, createCanvas, singleDots } from './canvas.ts';
import { cellWidth } from './cell-width.ts';
import { paint } from './colours.ts';
import { truncate } from './fit-text.ts';
import type { Glyphs } from './glyphs.ts';
import { type Scale, scaleOf, type Tick, ticksOf } from './scale.ts';
import type { SeriesStyle } from './series-style.ts';

/** A point of a line; without a finite `y` the line is interrupted there. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface ChartOptions {
  /** May be foreign: it is neutralised here, as is `xName`. */
  readonly title: string;
  readonly xName: string;
  /** Terminal columns, all of which it takes; 20 at least. */
  readonly width: number;
  /** Lines between the title and the axis. */
  readonly height: number;
  /** That of the lines' x, which charts below one another share. */
  readonly xScale: Scale;
  /** Whether y goes by its logarithm; undefined: if that is natural. */
  readonly log?: boolean | undefined;
  readonly style: SeriesStyle;
  readonly glyphs: Glyphs;
  readonly colour: boolean;
}

/** Columns between two labels of the axis at the bottom. */
const labelEvery = 12;

/** A chart of lines, each a series of points in order of x, as lines of text without their ends. */
export function lineChart(series: readonly (readonly Point[])[], options: ChartOptions): string[] {
  const { glyphs, height, colour } = options;
  const finite = series.flatMap((points) => points.flatMap(({ y }) => (Number.isFinite(y) ? [y] : [])));
  const yScale = scaleOf(finite, options.log);
  const ticks = ticksOf(yScale, Math.max(2, Math.ceil(height / 2)));
  const labels = labelsByRow(ticks, yScale, height);
  const labelWidth = Math.max(1, ...[...labels.values()].map((label) => label.length));
  const plotWidth = options.width - labelWidth - 2;
  const xTicks = ticksOf(options.xScale, Math.max(2, Math.floor(plotWidth / labelEvery)));
  const rows = plot(series, plotWidth, yScale, options);
  const isLog = yScale.kind === 'log' ? ' (log scale)' : '';
  const title = truncate(`${plainText(options.title)}${isLog}`, options.width, glyphs.ellipsis);
  const { axis, names } = bottom(xTicks, plotWidth, options);
  return [
    paint('bold', title, colour),
    ...rows.map((row, index) => {
      const label = labels.get(index);
      const side = label === undefined ? glyphs.axis.side : glyphs.axis.sideTick;
      return `${paint('dim', `${(label ?? '').padStart(labelWidth)} ${side}`, colour)}${row}`;
    }),
    paint('dim', `${' '.repeat(labelWidth + 1)}${glyphs.axis.corner}${axis}`, colour),
    paint('dim', `${' '.repeat(labelWidth + 2)}${names}`.trimEnd(), colour),
  ];
}

/** Which label stands at which row, from the top. Of two at the same row the first one. */
function labelsByRow(ticks: readonly Tick[], scale: Scale, height: number): Map<number, string> {
  const labels = new Map<number, string>();
  for (const { value, label } of ticks) {
    const row = Math.round((1 - scale.place(value)) * (height - 1));
    if (!labels.has(row)) labels.set(row, label);
  }
  return labels;
}

function plot(
  series: readonly (readonly Point[])[],
  columns: number,
  yScale: Scale,
  { height, xScale, style }: ChartOptions,
): string[] {
  const canvas = createCanvas(columns, height, style.fine ? brailleDots : singleDots);
  const dotOf = ({ x, y }: Point) => ({
    x: Math.round(xScale.place(x) * (canvas.width - 1)),
    y: Math.round((1 - yScale.place(y)) * (canvas.height - 1)),
  });
  series.forEach((points, layer) => {
    let before: ReturnType<typeof dotOf> | null = null;
    for (const point of points) {
      const dot = dotOf(point);
      const hasPlace = Number.isFinite(dot.x) && Number.isFinite(dot.y);
      if (hasPlace) canvas.line(before ?? dot, dot, layer);
      before = hasPlace ? dot : null;
    }
  });
  return canvas
    .rows()
    .map((row) => row.map((mark) => (mark === null ? ' ' : style.mark(mark.layer, mark.dots))).join(''));
}

/** The axis at the bottom, and what stands below it. */
function bottom(
  ticks: readonly Tick[],
  columns: number,
  { xScale, xName, glyphs }: ChartOptions,
): { axis: string; names: string } {
  const axis = Array.from({ length: columns }, () => glyphs.axis.bottom);
  const name = truncate(plainText(xName), Math.floor(columns / 3), glyphs.ellipsis);
  const room = columns - cellWidth(name) - 1;
  let names = '';
  for (const { value, label } of ticks) {
    const at = Math.round(xScale.place(value) * (columns - 1));
    const begin = Math.max(0, Math.min(at - Math.floor(label.length / 2), columns - label.length));
    axis[at] = glyphs.axis.bottomTick;
    // What would run into another one, or into the axis's name, has a tick without a label.
    if (begin + label.length > room || (names !== '' && begin <= names.length)) continue;
    names = names.padEnd(begin) + label;
  }
  return { axis: axis.join(''), names: `${names.padEnd(room + 1)}${name}` };
}
