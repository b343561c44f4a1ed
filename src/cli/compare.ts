import { formatCsv } from '../csv.ts';
import { usageError } from '../errors.ts';
import { nearest } from '../language/nearest.ts';
import { type Goal, guessGoal } from '../ledger/metric-goals.ts';
import { bestBy, columnsOf, columnValue, sortTrials, type TrialColumn } from '../ledger/trial-columns.ts';
import { fulfils, parseCondition } from '../ledger/trial-conditions.ts';
import { readTrials, type Trial, trialNames } from '../ledger/trials.ts';
import { plainText } from '../terminal-text.ts';
import { parallelPlot } from '../tui/parallel-plot.ts';
import { seriesStyle } from '../tui/series-style.ts';
import { trialTable } from '../tui/trial-table.ts';
import { openSources } from './metrics-sources.ts';
import { locateRuns } from './open-state.ts';
import { openProject } from './project.ts';
import { glyphsOf, hasColour, plural, printJson, say } from './terminal.ts';

interface CompareOptions {
  workflow?: string;
  all?: true;
  sort?: string;
  reverse?: true;
  where?: string[];
  min?: string[];
  max?: string[];
  parallel?: true;
  json?: true;
  csv?: true;
}

/** `dstack compare RUN[/JOB]…`: variables and last metrics of jobs beside each other. */
export async function compare(names: readonly string[], options: CompareOptions): Promise<void> {
  const goals = goalsOf(options);
  const conditions = (options.where ?? []).map(conditionOf);
  const project = await openProject();
  const sources = await openSources(project, await locateRuns(project, names));
  const found = await readTrials(sources, options.workflow);
  if (found.length === 0)
    throw nothingFound(
      sources.flatMap(({ run }) => run.jobs),
      options.workflow,
    );
  const known = trialNames(found);
  for (const { name } of conditions) requireName(name, known);
  for (const name of [...goals.keys(), ...(options.sort ? [options.sort] : [])]) requireName(name, known);
  const fitting = found.filter((trial) => conditions.every((condition) => fulfils(trial, condition)));
  const { sort } = options;
  const goal = sort === undefined ? null : (goals.get(sort) ?? guessGoal(sort));
  const trials =
    sort === undefined ? fitting : sortTrials(fitting, sort, { goal, reverse: options.reverse === true });
  const columns = columnsOf(trials, { all: options.all, goals });
  if (options.json) return printJson(trials.map((trial) => documentOf(trial, trials, columns)));
  if (options.csv) process.stdout.write(trialsCsv(trials, columns));
  else printTable(trials, columns, options);
  const rest = found.length - trials.length;
  if (rest > 0) say(`${plural(rest, 'job')} left out by --where`);
}

function printTable(
  trials: readonly Trial[],
  columns: readonly TrialColumn[],
  { all, parallel }: CompareOptions,
): void {
  if (trials.length === 0) return;
  const { stdout } = process;
  const width = stdout.isTTY ? stdout.columns || undefined : undefined;
  const look = { colour: hasColour(stdout), glyphs: glyphsOf(stdout) };
  const style = seriesStyle({ ...look, count: trials.length });
  const height = stdout.rows >= 40 ? 20 : 10;
  const plot = parallel && width ? parallelPlot(trials, columns, { ...look, width, height, style }) : null;
  if (plot) stdout.write(plot.map((line) => `${line}\n`).join(''));
  else if (parallel) say('no parallel coordinates: they need a terminal, and two things that differ');
  let leftOut: readonly string[] = [];
  const table = trialTable(trials, columns, {
    ...{ all, width, now: Date.now(), colour: look.colour, ellipsis: look.glyphs.ellipsis },
    keys: plot ? trials.map((_, index) => style.key(index)) : undefined,
    onLeftOut: (titles) => {
      leftOut = titles;
    },
  });
  stdout.write(table);
  if (leftOut.length > 0)
    say(`no room for ${leftOut.join(', ')}: widen the terminal, or use --csv or --json`);
  const marked = columns.filter((column) => bestBy(trials, column).size > 0);
  if (marked.length > 0) {
    const words = marked.map(({ title, goal }) => `${goal === 'min' ? 'least' : 'greatest'} ${title}`);
    say(`* ${plainText(words.join(', '))}`);
  }
  if (columns.length === 0) say('variables and metrics are the same; --all shows them');
}

/** Values as they are, in the columns of the table. */
function trialsCsv(trials: readonly Trial[], columns: readonly TrialColumn[]): string {
  return formatCsv(
    ['run', 'job', 'workflow', 'state', 'startedAt', 'finishedAt', ...columns.map(({ title }) => title)],
    trials.map((trial) => [
      ...[trial.run, trial.job, trial.workflow, trial.state, trial.startedAt, trial.finishedAt],
      ...columns.map((column) => columnValue(trial, column) ?? null),
    ]),
  );
}

function documentOf(trial: Trial, trials: readonly Trial[], columns: readonly TrialColumn[]) {
  const best = columns.filter((column) => bestBy(trials, column).has(trial)).map(({ name }) => name);
  return { ...trial, best };
}

function goalsOf({ min = [], max = [] }: CompareOptions): Map<string, Goal> {
  const both = min.find((name) => max.includes(name));
  if (both !== undefined)
    throw usageError(
      'two-goals',
      `${JSON.stringify(both)} can't be best both as --min and as --max`,
      'use one of the two',
    );
  return new Map([
    ...min.map((name) => [name, 'min'] as const),
    ...max.map((name) => [name, 'max'] as const),
  ]);
}

function conditionOf(text: string) {
  const condition = parseCondition(text);
  if (condition) return condition;
  throw usageError(
    'bad-condition',
    `${JSON.stringify(text)} is no condition`,
    "write it like --where 'lr>0.01', --where state=done; there are = != < <= > >=",
  );
}

/** @throws DstackError `unknown-name` */
function requireName(name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const like = nearest(name, known);
  const all = `there are: ${plainText(known.slice(0, 30).join(', '))}`;
  throw usageError(
    'unknown-name',
    `none of these jobs has a metric or a variable ${JSON.stringify(plainText(name))}`,
    like === null ? all : `did you mean ${plainText(like)}? ${all}`,
  );
}

function nothingFound(jobs: readonly { workflow: string }[], workflow: string | undefined) {
  const known = [...new Set(jobs.map((job) => job.workflow))];
  return usageError(
    'nothing-to-compare',
    workflow === undefined
      ? 'these runs have no jobs to compare'
      : `these runs have no job of a workflow ${JSON.stringify(plainText(workflow))}`,
    `their workflows are: ${plainText(known.join(', '))}`,
  );
}
