import type { Measurements } from '../ledger/measurements.ts';
import { defaultAxis, numericNames, type SeriesPoints, seriesOf } from '../ledger/metric-series.ts';
import { cellWidth } from './cell-width.ts';
import type { Glyphs } from './glyphs.ts';
import { lineChart } from './line-chart.ts';
import { type MeasuredJob, metricsTable } from './metrics-table.ts';
import { scaleOf } from './scale.ts';
import { seriesStyle } from './series-style.ts';

/** A job with every step that it has measured. */
export interface ChartedJob extends MeasuredJob {
  readonly points: readonly Measurements[];
}

export interface MetricsChartsOptions {
  /** By what the points are placed; without it by `step`, or their number in the file. */
  readonly x?: string | undefined;
  /** What is drawn, and in the table; without it all that is a number and changes. */
  readonly names?: readonly string[] | undefined;
  readonly log?: boolean | undefined;
  /** Terminal columns. */
  readonly width: number;
  /** Lines for each chart, with its title and axis. */
  readonly chartHeight: number;
  /** Charts at most. */
  readonly most: number;
  readonly colour: boolean;
  readonly glyphs: Glyphs;
}

export interface MetricsCharts {
  /** Charts, then the table of last values, which is also the key to the lines; each line ended by a newline. */
  readonly text: string;
  /** What could be drawn, too. */
  readonly leftOut: readonly string[];
}

const leastWidth = 24;
/** Two charts stand beside each other if each has so many columns. */
const widthForTwo = 70;
const gap = '   ';
/** Lines of a chart, all in all. */
const leastHeight = 8;
const mostHeight = 20;
/** Title, axis and its labels. */
const aroundPlot = 3;

/** Names that have a line in a chart: at least two points in some job. */
function drawableNames(
  jobs: readonly ChartedJob[],
  axis: string | null,
  wanted: readonly string[] | undefined,
): string[] {
  const points = jobs.map((job) => job.points);
  return numericNames(points)
    .filter((name) => name !== axis && (wanted?.includes(name) ?? true))
    .filter((name) => points.some((one) => seriesOf(one, name, axis).length >= 2));
}

/** Charts of this size, and so many of them, fill these lines together with the table. */
export function chartsInLines(
  lines: number,
  width: number,
  jobs: readonly ChartedJob[],
  { x, names }: Pick<MetricsChartsOptions, 'x' | 'names'> = {},
): Pick<MetricsChartsOptions, 'chartHeight' | 'most'> {
  const axis = x ?? defaultAxis(jobs.map(({ points }) => points));
  const count = Math.max(1, drawableNames(jobs, axis, names).length);
  const left = Math.max(leastHeight, lines - jobs.length - 1);
  const abreast = count > 1 ? abreastIn(width) : 1;
  const most = Math.min(count, abreast * Math.floor(left / leastHeight));
  return { most, chartHeight: Math.min(mostHeight, Math.floor(left / Math.ceil(most / abreast))) };
}

/** All jobs over each other, a chart for each measurement. */
export function metricsCharts(jobs: readonly ChartedJob[], options: MetricsChartsOptions): MetricsCharts {
  const { width, glyphs, colour } = options;
  const points = jobs.map((job) => job.points);
  const axis = options.x ?? defaultAxis(points);
  const style = seriesStyle({ count: jobs.length, colour, glyphs });
  const possible = drawableNames(jobs, axis, options.names);
  const shown = width < leastWidth ? [] : possible.slice(0, options.most);
  const drawn = shown.map((name) => ({ name, series: points.map((one) => seriesOf(one, name, axis)) }));
  const xScale = scaleOf(xValues(drawn.flatMap(({ series }) => series)), false);
  const abreast = shown.length > 1 ? abreastIn(width) : 1;
  const charts = drawn.map(({ name, series }) =>
    lineChart(series, {
      ...{ title: name, xName: axis ?? 'line', xScale, log: options.log, style, glyphs, colour },
      width: Math.floor((width - gap.length * (abreast - 1)) / abreast),
      height: Math.max(3, options.chartHeight - aroundPlot),
    }),
  );
  const keys = jobs.length > 1 && shown.length > 0 ? jobs.map((_, index) => style.key(index)) : undefined;
  const names = options.names && [...(axis === null ? [] : [axis]), ...options.names];
  const table = metricsTable(jobs, { width, colour, ellipsis: glyphs.ellipsis, keys, names });
  const lines = abreast === 2 ? pairs(charts, Math.floor((width - gap.length) / 2)) : charts.flat();
  return {
    text: `${lines.map((line) => `${line}\n`).join('')}${table}`,
    leftOut: possible.slice(shown.length),
  };
}

const abreastIn = (width: number): number => (width >= 2 * widthForTwo + gap.length ? 2 : 1);

function xValues(series: readonly SeriesPoints[]): number[] {
  return series.flatMap((points) => [points[0], points.at(-1)].flatMap((point) => point?.x ?? []));
}

/** Charts of the same height, two beside each other. */
function pairs(charts: readonly (readonly string[])[], width: number): string[] {
  const lines: string[] = [];
  for (let index = 0; index < charts.length; index += 2) {
    const [left = [], right] = [charts[index], charts[index + 1]];
    // Colours take no columns.
    for (const [row, line] of left.entries())
      lines.push(
        right === undefined
          ? line
          : `${line}${' '.repeat(Math.max(0, width - cellWidth(line)))}${gap}${right[row] ?? ''}`,
      );
  }
  return lines;
}
