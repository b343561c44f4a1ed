import { useState } from 'preact/hooks';
import { formatDuration } from '../../human-units.ts';
import { guessGoal } from '../../ledger/metric-goals.ts';
import { bestBy, columnsOf, columnValue, sortTrials, type TrialColumn } from '../../ledger/trial-columns.ts';
import type { Trial } from '../../ledger/trials.ts';
import { formatMeasurement } from '../../tui/metrics-table.ts';
import { trialNaming } from '../../tui/trial-table.ts';
import type { TrialsAnswer } from '../answer-types.ts';
import { useKeys } from './keys.ts';
import { MetricsCharts } from './metrics-charts.tsx';
import { goTo, linkTo } from './route.ts';
import { olderFirst } from './runs-page.tsx';
import { Scrolled } from './scrolled.tsx';
import { useAnswer } from './use-answer.ts';
import type { Standing } from './use-feed.ts';
import { Failure, State, Trail, Waiting } from './words.tsx';

/** Runs beside each other: what they were given, what they measured, and the curves over each other. */
export function ComparePage({
  runs,
  version,
  standing,
}: {
  runs: readonly string[];
  version: string;
  standing: Standing;
}) {
  const { answer, error } = useAnswer<TrialsAnswer>(['trials', runs.join(',')], version);
  const [first, second] = olderFirst(runs, standing);
  const diff = () => runs.length === 2 && goTo(['diff', first as string, second as string]);
  useKeys([{ keys: ['d'], does: 'what differs between the two', run: diff }]);
  return (
    <main>
      <Trail
        parts={[
          ['Runs', []],
          ['compare', ['compare', runs.join(',')]],
        ]}
      />
      <h1>{runs.length === 1 ? `Jobs of ${first}` : `${runs.length} runs`}</h1>
      {runs.length === 2 ? (
        <p>
          <a href={linkTo(['diff', first as string, second as string])}>
            What differs: code, inputs, outcomes
          </a>
        </p>
      ) : null}
      {error ? <Failure error={error} /> : null}
      {!answer && !error ? <Waiting what="Comparing them" /> : null}
      {answer ? <Trials trials={answer.trials} /> : null}
      <h2>Metrics</h2>
      <MetricsCharts runs={runs} versions={version} />
    </main>
  );
}

function Trials({ trials }: { trials: readonly Trial[] }) {
  const [sort, setSort] = useState<{ name: string; reverse: boolean } | null>(null);
  const [all, setAll] = useState(false);
  if (trials.length === 0) return <p class="quiet">These runs have no jobs to compare.</p>;
  const columns = columnsOf(trials, { all, goals: new Map() });
  const sorted =
    sort === null
      ? trials
      : sortTrials(trials, sort.name, { goal: guessGoal(sort.name), reverse: sort.reverse });
  const best = columns.map((column) => bestBy(trials, column));
  const { title, nameOf } = trialNaming(trials);
  const sortBy = (name: string) => setSort({ name, reverse: sort?.name === name && !sort.reverse });
  return (
    <>
      <div class="bar">
        <label>
          <input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />{' '}
          also what is the same for all
        </label>
        <span class="quiet">★ the best by what its name says</span>
      </div>
      <Scrolled label="Variables and metrics">
        <table>
          <thead>
            <tr>
              <th>{title === 'RUN' ? 'Run' : 'Job'}</th>
              <th>State</th>
              <th class="number">Time</th>
              {columns.map((column) => (
                <th
                  key={`${column.kind} ${column.name}`}
                  class="number"
                  aria-sort={
                    sort?.name === column.name ? (sort.reverse ? 'descending' : 'ascending') : 'none'
                  }
                >
                  <button type="button" class="plain" onClick={() => sortBy(column.name)}>
                    {column.title}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.map((trial) => (
              <tr key={`${trial.run}/${trial.job}`}>
                <td>
                  <a href={linkTo(['job', trial.run, trial.job])}>{nameOf(trial)}</a>
                </td>
                <td>
                  <State state={trial.state} />
                </td>
                <td class="number">{timeOf(trial)}</td>
                {columns.map((column, index) => (
                  <Value
                    key={`${column.kind} ${column.name}`}
                    trial={trial}
                    column={column}
                    isBest={best[index]?.has(trial) ?? false}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolled>
    </>
  );
}

function Value({ trial, column, isBest }: { trial: Trial; column: TrialColumn; isBest: boolean }) {
  const text = formatMeasurement(columnValue(trial, column));
  return (
    <td class={isBest ? 'number best' : 'number'}>
      {text}
      {isBest ? (
        <span role="img" aria-label="best">
          {' '}
          ★
        </span>
      ) : null}
    </td>
  );
}

function timeOf({ startedAt, finishedAt }: Trial): string {
  if (startedAt === null || finishedAt === null) return '';
  const ms = Date.parse(finishedAt) - Date.parse(startedAt);
  return Number.isNaN(ms) ? '' : formatDuration(ms);
}
