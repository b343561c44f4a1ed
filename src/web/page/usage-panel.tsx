import { useMemo } from 'preact/hooks';
import type { JobView } from '../../ledger/state.ts';
import type { UsageColumn, UsageSeries } from '../../ledger/usage.ts';
import { formatBytes } from '../../tui/duration.ts';
import { describeUsage } from '../../tui/usage-text.ts';
import type { UsageAnswer } from '../answer-types.ts';
import { Chart } from './chart.tsx';
import { useAnswer } from './use-answer.ts';
import { Failure, Waiting } from './words.tsx';

const rate = (bytes: number) => `${formatBytes(bytes)}/s`;
const plain = (value: number) => String(Number(value.toPrecision(3)));
const percent = (value: number) => `${plain(value)}%`;

/** What is drawn together, since it has one unit. */
const charts: readonly {
  readonly title: string;
  readonly columns: readonly (readonly [UsageColumn, string])[];
  readonly format: (value: number) => string;
}[] = [
  { title: 'CPUs', columns: [['cpu', 'CPUs']], format: plain },
  { title: 'Memory', columns: [['memory', 'memory']], format: formatBytes },
  { title: 'GPU', columns: [['gpu', 'in use']], format: percent },
  { title: 'GPU memory', columns: [['gpuMemory', 'memory']], format: formatBytes },
  {
    title: 'Disk',
    columns: [
      ['diskRead', 'read'],
      ['diskWritten', 'written'],
    ],
    format: rate,
  },
  {
    title: 'Network',
    columns: [
      ['received', 'received'],
      ['sent', 'sent'],
    ],
    format: rate,
  },
];

/** What a job has used of its machine. */
export function UsagePanel({ run, job }: { run: string; job: JobView }) {
  const { answer, error } = useAnswer<UsageAnswer>(job.usage ? ['usage', run, job.name] : null);
  if (!job.usage)
    return (
      <p class="quiet">
        Nothing is known: it is kept of jobs that have been executed for over a second, once they have ended.
      </p>
    );
  return (
    <section aria-label="Machine">
      <p>{describeUsage(job.usage)}</p>
      {error ? <Failure error={error} /> : null}
      {!answer && !error ? <Waiting what="Reading what it used" /> : null}
      {answer?.series ? <UsageCharts series={answer.series} /> : null}
    </section>
  );
}

function UsageCharts({ series }: { series: UsageSeries }) {
  const drawn = useMemo(
    () =>
      charts.map(({ title, columns, format }) => ({
        ...{ title, format },
        series: columns.flatMap(([column, name]) => {
          const points = series.points[column] ?? [];
          const known = points.flatMap((y, index) =>
            y === null ? [] : [{ x: (index + 0.5) * series.span, y }],
          );
          return known.length > 0 ? [{ name, points: known }] : [];
        }),
      })),
    [series],
  );
  return (
    <div class="charts">
      {drawn
        .filter(({ series: lines }) => lines.length > 0)
        .map(({ title, format, series: lines }) => (
          <Chart key={title} title={title} axis="seconds" series={lines} format={format} />
        ))}
    </div>
  );
}
