import { bestBy, columnValue, type TrialColumn } from '../ledger/trial-columns.ts';
import { asNumber, type Trial } from '../ledger/trials.ts';
import { plainText } from '../terminal-text.ts';
import { brailleDots, createCanvas, singleDots } from './canvas.ts';
import { cellWidth } from './cell-width.ts';
import { paint } from './colours.ts';
import { fit, truncate } from './fit-text.ts';
import type { Glyphs } from './glyphs.ts';
import { formatMeasurement } from './metrics-table.ts';
import { scaleOf } from './scale.ts';
import type { SeriesStyle } from './series-style.ts';

export interface ParallelPlotOptions {
  /** Terminal columns. */
  readonly width: number;
  /** Lines between the names and the least values. */
  readonly height: number;
  readonly style: SeriesStyle;
  readonly glyphs: Glyphs;
  readonly colour: boolean;
}

/** From one axis to the next, in columns. */
const leastGap = 14;

/** An upright axis: where values lie on it, from 0, at the bottom, to 1. */
interface Axis {
  readonly title: string;
  readonly top: string;
  readonly bottom: string;
  /** NaN: nowhere. */
  place(trial: Trial): number;
}

/**
 * Parallel coordinates: an upright axis for each variable and metric, and for each trial a line through its values. Numbers
 * lie by size, texts in the order in which they come. What was measured last of all is kept if there is no room.
 * @returns null if there is no room, or nothing to draw
 */
export function parallelPlot(
  trials: readonly Trial[],
  columns: readonly TrialColumn[],
  options: ParallelPlotOptions,
): string[] | null {
  const { width, height, style, glyphs, colour } = options;
  const most = Math.floor((width - leastGap) / leastGap) + 1;
  const axes = (columns.length > most ? columns.slice(-most) : columns).map((column) =>
    axisOf(trials, column),
  );
  if (axes.length < 2 || width < 2 * leastGap) return null;
  // The names at both ends stand beside their axes.
  const margin = Math.floor(leastGap / 2);
  const inner = width - 2 * margin;
  const atOf = (index: number) => Math.round((index * (inner - 1)) / (axes.length - 1));
  const canvas = createCanvas(inner, height, style.fine ? brailleDots : singleDots);
  const order = byMerit(trials, columns);
  for (const trial of order) {
    const layer = trials.indexOf(trial);
    let before: { x: number; y: number } | null = null;
    axes.forEach((axis, index) => {
      const place = axis.place(trial);
      const x = Math.round((index * (canvas.width - 1)) / (axes.length - 1));
      const dot = Number.isNaN(place) ? null : { x, y: Math.round((1 - place) * (canvas.height - 1)) };
      if (dot) canvas.line(before ?? dot, dot, layer);
      before = dot;
    });
  }
  const uprights = new Set(axes.map((_, index) => atOf(index)));
  const side = paint('dim', glyphs.axis.side, colour);
  const plot = canvas
    .rows()
    .map((row) =>
      row
        .map((mark, at) => (mark ? style.mark(mark.layer, mark.dots) : uprights.has(at) ? side : ' '))
        .join(''),
    );
  const room = Math.floor(inner / (axes.length - 1)) - 2;
  const line = (texts: readonly string[]) => {
    let text = '';
    texts.forEach((one, index) => {
      const shown = truncate(plainText(one), Math.min(room, 2 * margin + 4), glyphs.ellipsis);
      const begin = margin + atOf(index) - Math.floor(cellWidth(shown) / 2);
      text = fit(text, Math.max(0, Math.min(begin, width - cellWidth(shown))), '') + shown;
    });
    return text;
  };
  return [
    paint('bold', line(axes.map(({ title }) => title)), colour),
    paint('dim', line(axes.map(({ top }) => top)), colour),
    ...plot.map((row) => `${' '.repeat(margin)}${row}`),
    paint('dim', line(axes.map(({ bottom }) => bottom)), colour),
  ];
}

/** The best by the last metric that has a goal last, so that it lies on top. */
function byMerit(trials: readonly Trial[], columns: readonly TrialColumn[]): Trial[] {
  const goal = columns.findLast((column) => column.goal !== null);
  const best = goal ? bestBy(trials, goal) : new Set<Trial>();
  return [...trials.filter((trial) => !best.has(trial)), ...best];
}

function axisOf(trials: readonly Trial[], column: TrialColumn): Axis {
  const values = trials.flatMap((trial) => columnValue(trial, column) ?? []);
  const numbers = values.map(asNumber).filter(Number.isFinite);
  const areNumbers = values.every((value) => !Number.isNaN(asNumber(value)) || value === 'NaN');
  if (areNumbers && numbers.length > 0) {
    const scale = scaleOf(numbers);
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    return {
      ...{ title: column.title, top: formatMeasurement(high), bottom: formatMeasurement(low) },
      place: (trial) => {
        const value = asNumber(columnValue(trial, column));
        return Number.isFinite(value) ? scale.place(value) : Number.NaN;
      },
    };
  }
  const texts = [...new Set(values.map(String))];
  return {
    ...{ title: column.title, top: texts.at(-1) ?? '', bottom: texts[0] ?? '' },
    place: (trial) => {
      const at = texts.indexOf(String(columnValue(trial, column)));
      return at < 0 ? Number.NaN : texts.length === 1 ? 0.5 : at / (texts.length - 1);
    },
  };
}
