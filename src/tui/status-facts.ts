import wrapAnsi from 'wrap-ansi';
import { formatDuration } from '../human-units.ts';
import { isFinal, type JobView, type RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { type Style, stateColour } from './colours.ts';
import { describeVariables, personName, runReason, stateWord } from './describe.ts';
import { formatAge, formatBytes, jobDuration, runDuration } from './duration.ts';
import { type Glyphs, inGlyphs } from './glyphs.ts';
import { describeMeasurements } from './metrics-table.ts';
import { queueTime, runQueueTime } from './queue-time.ts';
import type { Segment } from './screen-line.tsx';
import { unhappyReason } from './status-detail.ts';
import type { Details } from './status-model.ts';
import { type Row, rowKey } from './status-rows.ts';
import { describeUsage } from './usage-text.ts';

type Fact = readonly [title: string, text: string | null | undefined, style?: Style];

const TITLE = 11;

/** All that is known of a run or job, as lines that fit into so many columns. Neutralised. */
export function factLines(
  row: Row,
  details: Details,
  now: number,
  columns: number,
  glyphs: Glyphs,
): Segment[][] {
  const facts = row.kind === 'run' ? runFacts(row.run, now) : jobFacts(row, details, now);
  const lines = facts.flatMap(([title, text, style]) =>
    text ? labelled(title, inGlyphs(plainText(text), glyphs), style, columns) : [],
  );
  const output = row.kind === 'job' ? (details.progress.get(rowKey(row))?.lines ?? []) : [];
  if (output.length === 0) return lines;
  const heading: Segment[] = [{ text: 'Output:', style: 'bold' }];
  return [
    ...lines,
    heading,
    ...output.flatMap((line) => wrapped(`  ${inGlyphs(plainText(line), glyphs)}`, columns)),
  ];
}

/** A text with colours, or without, as lines that fit into so many columns. */
export function textLines(text: string, columns: number): Segment[][] {
  const lines = text.endsWith('\n') ? text.slice(0, -1) : text;
  return lines.split('\n').flatMap((line) => wrapped(line.replaceAll('\t', '    '), columns));
}

function wrapped(line: string, columns: number): Segment[][] {
  return line.length <= columns && !/[^\x20-\x7e]/.test(line)
    ? [[{ text: line }]]
    : wrapAnsi(line, columns, { hard: true, trim: false, wordWrap: false })
        .split('\n')
        .map((text) => [{ text }]);
}

function labelled(title: string, text: string, style: Style | undefined, columns: number): Segment[][] {
  const width = Math.max(8, columns - TITLE);
  return wrapAnsi(text, width, { hard: true })
    .split('\n')
    .map((line, index) => [
      { text: (index === 0 ? `${title}:` : '').padEnd(TITLE), style: 'bold' },
      { text: line, style },
    ]);
}

function runFacts(run: RunView, now: number): Fact[] {
  const ended = run.jobs.filter((job) => isFinal(job.state)).length;
  const priority = run.jobs.find((job) => job.priority !== undefined)?.priority;
  const colour = stateColour(run.state);
  return [
    ['State', run.state, colour],
    ['Why', runReason(run), colour],
    ['Workflow', run.workflow],
    ['Variables', describeVariables(run.variables)],
    ['Jobs', `${ended} of ${run.jobs.length} ended`],
    ['Time', times([runDuration(run, now), runQueueTime(run, now)])],
    [
      'Submitted',
      `${run.submittedAt} by ${personName(run.submittedBy)} (${formatAge(run.submittedAt, now)})`,
    ],
    ['Reason', run.reason],
    ['Tags', run.tags?.join(' ')],
    ['Priority', priority === undefined ? null : String(priority)],
    ['Repository', run.repository],
    ['Commit', run.commit],
  ];
}

function jobFacts(row: Extract<Row, { kind: 'job' }>, details: Details, now: number): Fact[] {
  const { run, job } = row;
  const colour = stateColour(job.state);
  const progress = details.progress.get(rowKey(row));
  const metrics = job.metrics ?? progress?.metrics ?? null;
  const cell = details.cells.get(run.name)?.get(job.name) ?? {};
  const attempt = job.attempt > 1 ? ` (attempt ${job.attempt})` : '';
  return [
    ['State', stateWord(job), colour],
    ['Why', unhappyReason(job, details), colour],
    ['Workflow', job.name === job.workflow ? null : job.workflow],
    ['Needs', job.dependsOn.map((one) => dependency(one, run)).join(', ')],
    ['Cell', describeVariables(cell)],
    ['Variables', describeVariables(run.variables)],
    ['Runner', job.runner === null ? null : `${job.runner}${attempt}`],
    ['Image', job.image ?? 'none: a process'],
    ['Time', times([jobDuration(job, now), queueTime(job, run, now)])],
    ['Metrics', metrics === null ? null : describeMeasurements(metrics, Number.POSITIVE_INFINITY)],
    ['Used', job.usage ? describeUsage(job.usage) : null],
    ['Artifacts', keptOf(job, now)],
  ];
}

function dependency(one: JobView['dependsOn'][number], run: RunView): string {
  if (one.run !== null) return `${one.run}/${one.job}`;
  const state = run.jobs.find(({ name }) => name === one.job)?.state;
  return state === undefined ? one.job : `${one.job} (${state})`;
}

function times([time, queued]: readonly [number | null, number | null]): string {
  const parts = [
    time === null ? 'not started' : formatDuration(time),
    queued === null ? null : `${formatDuration(queued)} in the queue`,
  ];
  return parts.filter(Boolean).join(', ');
}

function keptOf({ artifacts, saved }: JobView, now: number): string | null {
  const there = artifacts ?? saved;
  if (!there) return null;
  const when = artifacts === null && saved?.at ? `, saved ${formatAge(saved.at, now)}` : '';
  return `${there.files} ${there.files === 1 ? 'file' : 'files'}, ${formatBytes(there.bytes)}${when}`;
}
