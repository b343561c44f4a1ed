import { type Measurements, measurementOf } from '../ledger/measurements.ts';
import { jobName } from '../ledger/refs.ts';
import { describeVariables } from './describe.ts';
import { type Cell, formatTable, type TableOptions } from './table.ts';

export interface MeasuredJob {
  readonly run: string;
  readonly job: string;
  /** The values of a cell of a matrix. */
  readonly matrix: Readonly<Record<string, string>> | null;
  readonly last: Measurements | null;
}

export interface MetricsTableOptions extends TableOptions {
  /** What stands before each job: how its line in a chart is drawn. */
  readonly keys?: readonly Cell[] | undefined;
  /** Only these columns. */
  readonly names?: readonly string[] | undefined;
}

/** A table of jobs and the last values of what they measured, a column for each name. */
export function metricsTable(jobs: readonly MeasuredJob[], options: MetricsTableOptions = {}): string {
  const measured = new Set(jobs.flatMap(({ last }) => Object.keys(last ?? {})));
  const names = [...measured].filter((name) => options.names?.includes(name) ?? true);
  return formatTable(
    [
      { title: '' },
      { title: 'JOB', least: 8 },
      { title: 'MATRIX', least: 10, optional: true },
      ...names.map((title) => ({ title, least: 8, optional: true as const })),
    ],
    jobs.map(({ run, job, matrix, last }, index) => [
      options.keys?.[index] ?? '',
      jobName({ run, job }),
      describeVariables(matrix ?? {}),
      ...names.map((name) => formatMeasurement(last === null ? undefined : measurementOf(last, name))),
    ]),
    options,
  );
}

/** `loss 0.31  accuracy 0.9`: at most so many of them. Not yet neutralised. */
export function describeMeasurements(measured: Measurements, most: number): string {
  return Object.entries(measured)
    .slice(0, most)
    .map(([name, value]) => `${name} ${formatMeasurement(value)}`)
    .join('  ');
}

/** Five significant digits are what people compare. */
export function formatMeasurement(value: number | string | boolean | undefined): string {
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value ?? '');
  return String(Number(value.toPrecision(5)));
}
