import { type Measurements, measurementOf } from './measurements.ts';
import { type Goal, guessGoal } from './metric-goals.ts';
import { asNumber, givenTo, type Trial, trialValue } from './trials.ts';

/** A variable or a metric of trials that are compared. */
export interface TrialColumn {
  readonly kind: 'variable' | 'metric';
  readonly name: string;
  /** What it is called beside the others. */
  readonly title: string;
  readonly goal: Goal | null;
}

export interface ColumnOptions {
  /** Also what is the same for all of them. */
  readonly all?: boolean | undefined;
  /** Of metrics whose name says nothing, or the wrong thing. */
  readonly goals: ReadonlyMap<string, Goal>;
}

/** Variables, then metrics, those of which it is known what is better last. */
export function columnsOf(trials: readonly Trial[], { all = false, goals }: ColumnOptions): TrialColumn[] {
  const every = trials.length <= 1 || all;
  const namesIn = (maps: readonly Measurements[]) => [...new Set(maps.flatMap((map) => Object.keys(map)))];
  const differing = (maps: readonly Measurements[]) =>
    namesIn(maps).filter((name) => every || new Set(maps.map((map) => measurementOf(map, name))).size > 1);
  const variables = differing(trials.map(givenTo));
  const metrics = differing(trials.map((trial) => trial.metrics));
  const titleOf = (name: string) => (metrics.includes(name) ? `${name} (variable)` : name);
  const measured = metrics.map((name): TrialColumn => {
    const goal = goals.get(name) ?? guessGoal(name);
    return { kind: 'metric', name, title: name, goal };
  });
  return [
    ...variables.map((name): TrialColumn => ({ kind: 'variable', name, title: titleOf(name), goal: null })),
    ...measured.filter(({ goal }) => goal === null),
    ...measured.filter(({ goal }) => goal !== null),
  ];
}

export function columnValue(trial: Trial, { kind, name }: TrialColumn): Measurements[string] | undefined {
  return measurementOf(kind === 'variable' ? givenTo(trial) : trial.metrics, name);
}

/** The trials that are the best by a metric; none where that isn't known, or there is nothing to compare. */
export function bestBy(trials: readonly Trial[], column: TrialColumn): ReadonlySet<Trial> {
  const measured = trials
    .map((trial) => ({ trial, value: asNumber(columnValue(trial, column)) }))
    .filter(({ value }) => !Number.isNaN(value));
  if (column.goal === null || measured.length < 2) return new Set();
  const best = measured.reduce((a, b) =>
    (column.goal === 'min' ? b.value < a.value : b.value > a.value) ? b : a,
  );
  return new Set(measured.filter(({ value }) => value === best.value).map(({ trial }) => trial));
}

/**
 * By a metric or variable, the best first where it is known what is better, otherwise the smallest; numbers before texts,
 * and last those that have none.
 */
export function sortTrials(
  trials: readonly Trial[],
  name: string,
  options: { readonly goal: Goal | null; readonly reverse: boolean },
): Trial[] {
  const direction = (options.goal === 'max' ? -1 : 1) * (options.reverse ? -1 : 1);
  const keyed = trials.map((trial) => {
    const value = trialValue(trial, name);
    const number = asNumber(value);
    const rank = value === undefined || value === 'NaN' ? 2 : Number.isNaN(number) ? 1 : 0;
    return { trial, rank, number, text: String(value) };
  });
  keyed.sort((a, b) => {
    if (a.rank !== b.rank || a.rank === 2) return a.rank - b.rank;
    const order = a.rank === 0 ? sign(a.number, b.number) : sign(a.text, b.text);
    return direction * order;
  });
  return keyed.map(({ trial }) => trial);
}

const sign = <T>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
