import { useEffect, useMemo, useState } from 'preact/hooks';
import { measurementOf } from '../../ledger/measurements.ts';
import { defaultAxis, numericNames, seriesOf } from '../../ledger/metric-series.ts';
import type { Measured } from '../../ledger/read-measured.ts';
import { describeVariables } from '../../tui/describe.ts';
import { formatMeasurement } from '../../tui/metrics-table.ts';
import type { MetricsAnswer } from '../answer-types.ts';
import { Chart } from './chart.tsx';
import { Scrolled } from './scrolled.tsx';
import { useSource } from './use-answer.ts';
import { Failure, Waiting } from './words.tsx';

/** More charts are drawn once they are asked for. */
const mostCharts = 12;

/** What jobs of one or several runs have measured, a chart for each metric. */
export function MetricsCharts(props: { runs: readonly string[]; job?: string; versions: string }) {
  const { answers, error } = useMetrics(props.runs, props.versions);
  const [logarithmic, setLogarithmic] = useState(false);
  const [axis, setAxis] = useState<string | null>(null);
  const [all, setAll] = useState(false);
  const jobs = useMemo(
    () =>
      (answers ?? [])
        .flatMap((answer) => answer.jobs)
        .filter(({ job }) => props.job === undefined || job === props.job),
    [answers, props.job],
  );
  const names = useMemo(() => numericNames(jobs.map(({ points }) => points)), [jobs]);
  const by = axis ?? defaultAxis(jobs.map(({ points }) => points));
  const charts = useMemo(() => {
    const shown = names.filter((name) => name !== by).slice(0, all ? undefined : mostCharts);
    return shown.map((name) => ({ name, series: chartSeries(jobs, name, by) }));
  }, [jobs, names, by, all]);
  if (error && !answers) return <Failure error={error} />;
  if (!answers) return <Waiting what="Reading the metrics" />;
  if (jobs.length === 0) return <p class="quiet">Nothing has been measured.</p>;
  const left = names.filter((name) => name !== by).length - charts.length;
  const thinned = answers.some((answer) => Object.keys(answer.thinned).length > 0);
  return (
    <section aria-label="Metrics">
      {names.length > 0 ? (
        <div class="bar">
          <label>
            over{' '}
            <select value={by ?? ''} onChange={(event) => setAxis(event.currentTarget.value || null)}>
              <option value="">number of the line</option>
              {names.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <label>
            <input
              type="checkbox"
              checked={logarithmic}
              onChange={(event) => setLogarithmic(event.currentTarget.checked)}
            />{' '}
            logarithmic
          </label>
          {thinned ? <span class="quiet">Of very long series not every point is drawn.</span> : null}
        </div>
      ) : null}
      <div class="charts">
        {charts.map(({ name, series }) => (
          <Chart key={name} title={name} axis={by ?? 'line'} series={series} isLogarithmic={logarithmic} />
        ))}
      </div>
      {left > 0 ? (
        <button type="button" onClick={() => setAll(true)}>
          {left} more
        </button>
      ) : null}
      <LastValues jobs={jobs} />
    </section>
  );
}

function chartSeries(jobs: readonly Measured[], name: string, axis: string | null) {
  const nameOf = naming(jobs);
  return jobs
    .map((job) => ({ name: nameOf(job), points: seriesOf(job.points, name, axis) }))
    .filter(({ points }) => points.length > 0);
}

/** By as much of their names as tells them apart. */
function naming(jobs: readonly Measured[]): (job: Measured) => string {
  const runs = new Set(jobs.map(({ run }) => run));
  const names = new Set(jobs.map(({ job }) => job));
  if (runs.size === 1) return ({ job }) => job;
  return names.size === 1 ? ({ run }) => run : ({ run, job }) => `${run}/${job}`;
}

/** The same in numbers. */
function LastValues({ jobs }: { jobs: readonly Measured[] }) {
  const names = [...new Set(jobs.flatMap(({ last }) => Object.keys(last)))];
  const hasCells = jobs.some(({ matrix }) => matrix !== null);
  const nameOf = naming(jobs);
  return (
    <Scrolled label="Last values">
      <table>
        <thead>
          <tr>
            <th>Last values</th>
            {hasCells ? <th>Matrix</th> : null}
            {names.map((name) => (
              <th key={name} class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <tr key={`${job.run}/${job.job}`}>
              <td>{nameOf(job)}</td>
              {hasCells ? <td class="code">{describeVariables(job.matrix ?? {})}</td> : null}
              {names.map((name) => (
                <td key={name} class="number">
                  {formatMeasurement(measurementOf(job.last, name))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}

/** What each of the runs has measured, read again when one of them has another version. */
function useMetrics(runs: readonly string[], versions: string) {
  const source = useSource();
  const key = runs.join(',');
  const [state, setState] = useState<{ key: string; answers: MetricsAnswer[] | null; error: Error | null }>({
    ...{ key, answers: null, error: null },
  });
  useEffect(() => {
    let left = false;
    Promise.all(key.split(',').map((run) => source.get<MetricsAnswer>(['metrics', run]))).then(
      (answers) => !left && setState({ key, answers, error: null }),
      (error: Error) => !left && setState((before) => ({ ...before, key, error })),
    );
    return () => {
      left = true;
    };
  }, [source, key, versions]);
  return state.key === key ? state : { answers: null, error: null };
}
