import { formatDuration } from '../human-units.ts';
import { isFinal, type LedgerState, type RunnerView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { cellWidth } from './cell-width.ts';
import { stateColour } from './colours.ts';
import { formatAge, formatBytes } from './duration.ts';
import { fit, truncate } from './fit-text.ts';
import type { Glyphs } from './glyphs.ts';
import { conditionStyle, runnerCondition, waitingWords } from './runner-table.ts';
import type { Segment } from './screen-line.tsx';

const INDENT = 2;
const TIME = '23h59m'.length;

/** The runners with what they have and do, as lines of at most so many columns, one empty one between two. Neutralised. */
export function runnerLines(
  runners: readonly RunnerView[],
  now: number,
  columns: number,
  glyphs: Glyphs,
): Segment[][] {
  return runners.flatMap((runner, index) => [
    ...(index > 0 ? [[{ text: '' }]] : []),
    ...linesOf(runner, now, columns, glyphs),
  ]);
}

/** The first line: what goes on in all. */
export function runnersOverview(state: LedgerState, now: number, glyphs: Glyphs): string {
  const alive = state.runners.filter((runner) => runnerCondition(runner, now) !== 'late').length;
  const jobs = state.runs.flatMap((run) => run.jobs.filter((job) => !isFinal(job.state)));
  const waiting = jobs.filter((job) => job.runner === null).length;
  const silent = state.runners.length - alive;
  return [
    `${alive} ${alive === 1 ? 'runner' : 'runners'}`,
    silent > 0 ? `${silent} silent` : '',
    `${jobs.length - waiting} ${jobs.length - waiting === 1 ? 'job' : 'jobs'} at work`,
    `${waiting} waiting`,
  ]
    .filter(Boolean)
    .join(glyphs.separator);
}

function linesOf(runner: RunnerView, now: number, columns: number, glyphs: Glyphs): Segment[][] {
  const condition = runnerCondition(runner, now);
  const name = truncate(plainText(runner.name), Math.max(8, columns - condition.length - 2), glyphs.ellipsis);
  const head: Segment[] = [
    { text: name, style: 'bold' },
    { text: `  ${condition}`, style: conditionStyle(condition) },
  ];
  const labels = Object.entries(runner.labels).map((pair) => pair.join('='));
  const place = [
    runner.host,
    runner.executor,
    `seen ${formatAge(runner.seenAt, now)}`,
    runner.version,
    ...labels,
  ];
  const width = columns - INDENT;
  const headWidth = cellWidth(name) + condition.length + 4;
  const besides = truncate(place.map(plainText).join(glyphs.separator), columns - headWidth, glyphs.ellipsis);
  const indented = (text: string, style?: Segment['style']): Segment[] => [
    { text: truncate(' '.repeat(INDENT) + text, columns, glyphs.ellipsis), style },
  ];
  const waiting = waitingWords(runner, now);
  return [
    columns >= 60 && besides !== '' ? [...head, { text: `  ${besides}`, style: 'dim' }] : head,
    ...(columns >= 60
      ? []
      : wrapped(place.map(plainText), width, glyphs).map((text) => indented(text, 'dim'))),
    ...wrapped(resourceFacts(runner), width, glyphs).map((text) => indented(text)),
    ...doingOf(runner).map((job) => jobLine(job, now, columns, glyphs)),
    ...(waiting === '' ? [] : [indented(plainText(waiting), condition === 'late' ? 'red' : 'dim')]),
  ];
}

/** What is taken of what there is. */
export function resourceFacts({ jobs, concurrency, machine, used }: RunnerView): string[] {
  const gpuNames = [...new Set(machine.gpus.map(({ name }) => plainText(name)))];
  const names = gpuNames.length > 0 ? ` (${gpuNames.join(', ')})` : '';
  return [
    `${jobs.length} of ${concurrency} ${concurrency === 1 ? 'job' : 'jobs'}`,
    `${used?.cpu ?? 0} of ${machine.cpu} CPUs`,
    `${formatBytes(used?.memory ?? 0)} of ${formatBytes(machine.memory)}`,
    ...(machine.gpus.length > 0
      ? [`${used?.gpus ?? 0} of ${machine.gpus.length} ${machine.gpus.length === 1 ? 'GPU' : 'GPUs'}${names}`]
      : []),
  ];
}

type Doing = NonNullable<RunnerView['doing']>[number];

function doingOf({ doing, jobs }: RunnerView): readonly Doing[] {
  return doing ?? jobs.map((job) => ({ job, state: 'running', since: null, cpu: 0, memory: 0, gpus: 0 }));
}

function jobLine(job: Doing, now: number, columns: number, glyphs: Glyphs): Segment[] {
  const mark = `${' '.repeat(INDENT)}${glyphs.state[job.state]} `;
  const has = [
    job.state === 'running' ? '' : job.state,
    job.cpu > 0 ? `${job.cpu} ${job.cpu === 1 ? 'CPU' : 'CPUs'}` : '',
    job.memory > 0 ? formatBytes(job.memory) : '',
    job.gpus > 0 ? `${job.gpus} ${job.gpus === 1 ? 'GPU' : 'GPUs'}` : '',
  ].filter(Boolean);
  const left = columns - cellWidth(mark) - TIME - 2;
  const nameWidth = columns >= 60 ? Math.min(40, left) : left;
  const rest = left - nameWidth - 2;
  return [
    { text: mark, style: stateColour(job.state) },
    { text: fit(plainText(job.job), nameWidth, glyphs.ellipsis) },
    { text: `  ${elapsed(job.since, now).padStart(TIME)}` },
    ...(rest > 0
      ? [{ text: `  ${truncate(has.join(glyphs.separator), rest, glyphs.ellipsis)}`, style: 'dim' as const }]
      : []),
  ];
}

function elapsed(since: string | null, now: number): string {
  const ms = since === null ? Number.NaN : now - Date.parse(since);
  return Number.isNaN(ms) ? '' : formatDuration(Math.max(0, ms));
}

/** Facts one after the other, on as many lines as that takes; each is cut if it is too long for one. */
function wrapped(facts: readonly string[], width: number, glyphs: Glyphs): string[] {
  const lines: string[] = [];
  for (const fact of facts.filter(Boolean)) {
    const last = lines.at(-1);
    const longer = last === undefined ? fact : last + glyphs.separator + fact;
    if (last === undefined) lines.push(fact);
    else if (cellWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(fact);
  }
  return lines;
}
