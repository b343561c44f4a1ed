import { formatDuration } from '../human-units.ts';
import { isFinal } from '../ledger/state.ts';
import { bestBy, columnValue, type TrialColumn } from '../ledger/trial-columns.ts';
import type { Trial } from '../ledger/trials.ts';
import { stateColour } from './colours.ts';
import { formatMeasurement } from './metrics-table.ts';
import { type Cell, formatTable, type TableOptions } from './table.ts';

export interface TrialTableOptions extends TableOptions {
  /** Milliseconds since 1970; counts for what has not ended. */
  readonly now: number;
  /** Also what is the same for all of them. */
  readonly all?: boolean | undefined;
  /** What stands before each trial: how it is drawn elsewhere. */
  readonly keys?: readonly Cell[] | undefined;
}

/** Trials with their variables and metrics, one a line, the best value of each metric marked. */
export function trialTable(
  trials: readonly Trial[],
  columns: readonly TrialColumn[],
  options: TrialTableOptions,
): string {
  const { title, nameOf } = trialNaming(trials);
  const best = columns.map((column) => bestBy(trials, column));
  const states = new Set(trials.map(({ state }) => state));
  const showsState = options.all || states.size > 1 || !states.has('done');
  return formatTable(
    [
      { title: '' },
      { title, least: 16 },
      { title: 'STATE', optional: true },
      { title: 'TIME', optional: true },
      ...columns.map((column) => ({ title: column.title, least: 8, optional: true as const })),
    ],
    trials.map((trial, index) => [
      options.keys?.[index] ?? '',
      nameOf(trial),
      showsState ? { text: trial.state, style: stateColour(trial.state) } : '',
      timeOf(trial, options.now),
      ...columns.map((column, place): Cell => {
        const text = formatMeasurement(columnValue(trial, column));
        return best[place]?.has(trial) ? { text: `${text} *`, style: 'green' } : text;
      }),
    ]),
    options,
  );
}

/** By as much of their names as tells them apart: the run, the job, or both. */
export function trialNaming(trials: readonly Trial[]): {
  readonly title: 'RUN' | 'JOB';
  nameOf(trial: Trial): string;
} {
  const runs = new Set(trials.map(({ run }) => run));
  const jobs = new Set(trials.map(({ job }) => job));
  if (runs.size === 1 && trials.length > 1) return { title: 'JOB', nameOf: ({ job }) => job };
  if (runs.size > 1 && jobs.size === 1) return { title: 'RUN', nameOf: ({ run }) => run };
  return { title: 'JOB', nameOf: ({ run, job }) => `${run}/${job}` };
}

function timeOf({ startedAt, finishedAt, state }: Trial, now: number): string {
  if (startedAt === null || (finishedAt === null && isFinal(state))) return '';
  const ms = (finishedAt === null ? now : Date.parse(finishedAt)) - Date.parse(startedAt);
  return Number.isNaN(ms) ? '' : formatDuration(ms);
}
