import { formatCsv } from '../csv.ts';
import { usageError } from '../errors.ts';
import { nearest } from '../language/nearest.ts';
import { measurementOf } from '../ledger/measurements.ts';
import { numericNames } from '../ledger/metric-series.ts';
import type { Measured } from '../ledger/read-measured.ts';
import { plainText } from '../terminal-text.ts';
import { metricsCharts } from '../tui/metrics-charts.ts';
import { metricsTable } from '../tui/metrics-table.ts';
import { glyphsOf, hasColour, plural, say } from './terminal.ts';

export interface MetricsOptions {
  x?: string;
  metric?: string[];
  log?: boolean;
  follow?: true;
  plain?: true;
  json?: true;
  csv?: true;
}

/** Is it shown as charts? */
export function isOnScreen({ plain, json, csv }: MetricsOptions): boolean {
  return process.stdout.isTTY && !plain && !json && !csv;
}

/** Charts that are drawn without being asked for by name. */
const mostCharts = 6;

/** Charts and last values on a terminal; in a pipe last values alone. */
export function printMetrics(measured: readonly Measured[], options: MetricsOptions): void {
  checkNames(measured, options);
  const { isTTY, columns, rows } = process.stdout;
  if (!isOnScreen(options)) {
    const colour = hasColour(process.stdout);
    const names = options.metric;
    process.stdout.write(metricsTable(measured, { width: isTTY ? columns : undefined, colour, names }));
    return;
  }
  const { text, leftOut } = metricsCharts(measured, {
    ...chartOptions(options),
    width: columns || 80,
    // Two of them fit on the screen, with the table of a job or two.
    chartHeight: Math.min(15, Math.max(8, Math.floor(((rows || 24) - 4) / 2))),
    most: options.metric ? Number.POSITIVE_INFINITY : mostCharts,
  });
  process.stdout.write(text);
  if (leftOut.length > 0)
    say(`${plural(leftOut.length, 'more chart')} with --metric NAME: ${plainText(leftOut.join(', '))}`);
}

/** How charts are drawn on this terminal. */
export function chartOptions({ x, metric, log }: MetricsOptions) {
  const { stdout } = process;
  return { x, names: metric, log, colour: hasColour(stdout), glyphs: glyphsOf(stdout) };
}

/** @throws DstackError `unknown-metric` if something that was asked for by name is nowhere a number */
function checkNames(measured: readonly Measured[], { x, metric = [] }: MetricsOptions): void {
  const known = numericNames(measured.map(({ points }) => points));
  for (const name of [...metric, ...(x === undefined ? [] : [x])]) {
    if (known.includes(name)) continue;
    const like = nearest(name, known);
    throw usageError(
      'unknown-metric',
      `${JSON.stringify(plainText(name))} was not measured`,
      known.length === 0
        ? 'no lines of these jobs have numbers'
        : `${like === null ? '' : `did you mean ${plainText(like)}? `}there are: ${plainText(known.slice(0, 20).join(', '))}`,
    );
  }
}

/** A line for each line of each job. */
export function metricsCsv(measured: readonly Measured[]): string {
  const names = [...new Set(measured.flatMap(({ points }) => points.flatMap((point) => Object.keys(point))))];
  const axes = [...new Set(measured.flatMap(({ matrix }) => Object.keys(matrix ?? {})))];
  return formatCsv(
    ['run', 'job', ...axes.map((axis) => `matrix.${axis}`), ...names],
    measured.flatMap(({ run, job, matrix, last, points }) =>
      (points.length > 0 ? points : [last]).map((point) => [
        run,
        job,
        ...axes.map((axis) => matrix?.[axis] ?? null),
        ...names.map((name) => measurementOf(point, name) ?? null),
      ]),
    ),
  );
}
