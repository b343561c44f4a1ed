import { formatDuration } from '../human-units.ts';
import { isFinal, isSuccess, type JobView, type LedgerState, type RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { stateColour } from './colours.ts';
import { describeVariables, jobReason, runReason } from './describe.ts';
import { formatAge, formatBytes, jobDuration, runDuration } from './duration.ts';
import { fit } from './fit-text.ts';
import type { Glyphs } from './glyphs.ts';
import { runnerCondition } from './runner-table.ts';
import type { Segment } from './screen-line.tsx';
import type { StatusModel } from './status-model.ts';
import type { Row } from './status-rows.ts';

/** Widths of the columns of the live screen, in terminal columns; 0: not shown. */
export interface Layout {
  readonly name: number;
  readonly workflow: number;
  readonly state: number;
  readonly time: number;
  readonly runner: number;
  readonly age: number;
  readonly detail: number;
}

const POINTER = 2;
const STATE = 'x uploading'.length;
const TIME = '23h59m'.length;

/** How a line of so many columns is divided: what matters less goes first. */
export function layoutFor(columns: number): Layout {
  const wide = columns >= 100;
  const medium = columns >= 60;
  const fixed = {
    state: STATE,
    time: TIME,
    workflow: wide ? 16 : 0,
    runner: wide ? 14 : 0,
    age: wide ? 8 : 0,
  };
  const gaps = [fixed.state, fixed.time, fixed.workflow, fixed.runner, fixed.age].filter(
    (width) => width > 0,
  );
  const left = columns - POINTER - gaps.reduce((total, width) => total + width + 1, 0);
  if (!medium) return { ...fixed, name: Math.max(8, left), detail: 0 };
  const name = wide ? 32 : 26;
  return { ...fixed, name, detail: Math.max(0, left - name - 1) };
}

/** The titles above the columns. */
export function titleLine(layout: Layout, glyphs: Glyphs): string {
  const cells: [string, number][] = [
    ['RUN / JOB', layout.name],
    ['WORKFLOW', layout.workflow],
    ['STATE', layout.state],
    ['TIME', layout.time],
    ['RUNNER', layout.runner],
    ['AGE', layout.age],
    ['', layout.detail],
  ];
  return ' '.repeat(POINTER) + joinCells(cells, glyphs);
}

/** A run or job as one line of exactly the layout's width. All text is neutralised. */
export function rowLine(row: Row, layout: Layout, now: number, selected: boolean, glyphs: Glyphs): Segment[] {
  const view = row.kind === 'run' ? row.run : row.job;
  const time = row.kind === 'run' ? runDuration(row.run, now) : jobDuration(row.job, now);
  const stopping = row.kind === 'job' && row.job.stopping && !isFinal(row.job.state);
  const mark =
    row.kind === 'run'
      ? `${row.open ? glyphs.open : glyphs.closed} `
      : `  ${row.last ? glyphs.lastBranch : glyphs.branch} `;
  const name = fit(mark + plainText(view.name), layout.name, glyphs.ellipsis);
  const colour = stateColour(view.state);
  return [
    { text: fit(selected ? glyphs.pointer : '', POINTER), style: 'cyan' },
    { text: name, style: selected ? 'bold' : undefined },
    { text: gap([[row.kind === 'run' ? row.run.workflow : '', layout.workflow]], glyphs), style: 'dim' },
    {
      text: gap(
        [[`${glyphs.state[view.state]} ${stopping ? 'stopping' : view.state}`, layout.state]],
        glyphs,
      ),
      style: colour,
    },
    {
      text: gap(
        [
          [time === null ? '' : formatDuration(time), layout.time],
          [row.kind === 'job' ? (row.job.runner ?? '') : '', layout.runner],
          [row.kind === 'run' ? formatAge(row.run.submittedAt, now) : '', layout.age],
        ],
        glyphs,
      ),
    },
    {
      text: gap([[rowDetail(row, layout, glyphs), layout.detail]], glyphs),
      style: isUnhappy(view) ? colour : 'dim',
    },
  ];
}

/** All that is known of one run or job beyond its columns, for the line at the bottom. Neutralised. */
export function fullDetail(row: Row, now: number, glyphs: Glyphs): string {
  const { run } = row;
  if (row.kind === 'run') {
    const why = [runReason(run), run.reason, describeVariables(run.variables)];
    return join([...why, `${run.workflow} by ${run.submittedBy} ${formatAge(run.submittedAt, now)}`], glyphs);
  }
  const { job } = row;
  const { artifacts, saved } = job;
  return join(
    [
      jobReason(job),
      job.runner === null ? null : `on ${job.runner}`,
      job.attempt > 1 ? `attempt ${job.attempt}` : null,
      artifacts === null ? null : `${artifacts.files} files, ${formatBytes(artifacts.bytes)}`,
      saved?.at ? `checkpoint ${formatAge(saved.at, now)}` : null,
      job.image ?? 'process',
    ],
    glyphs,
  );
}

/** The first line: what goes on in all. */
export function overview(state: LedgerState, now: number, glyphs: Glyphs): string {
  const unfinished = state.runs.filter((run) => !isFinal(run.state)).length;
  const alive = state.runners.filter((runner) => runnerCondition(runner, now) !== 'late').length;
  const parts = [`${unfinished} unfinished`, `${state.runs.length} runs`];
  parts.push(`${alive} ${alive === 1 ? 'runner' : 'runners'}${alive === 0 ? ' (dstack runner start)' : ''}`);
  return parts.join(glyphs.separator);
}

/** What is wrong with what is shown, if anything is: how old it is, and why. Neutralised. */
export function staleness({ error, state, readAt }: StatusModel['reading'], now: number): string | null {
  if (error === null) return null;
  if (state === null) return `cannot read the repository: ${plainText(error)}`;
  return `connection lost ${formatAge(readAt, now)}: ${plainText(error)}`;
}

function rowDetail(row: Row, layout: Layout, glyphs: Glyphs): string {
  if (row.kind === 'run') {
    return join([runReason(row.run), describeVariables(row.run.variables)], glyphs);
  }
  const { job } = row;
  return join(
    [
      layout.runner > 0 ? null : job.runner,
      job.attempt > 1 ? `attempt ${job.attempt}` : null,
      jobReason(job),
    ],
    glyphs,
  );
}

function isUnhappy(view: RunView | JobView): boolean {
  return isFinal(view.state) && !isSuccess(view.state);
}

function join(parts: readonly (string | null)[], glyphs: Glyphs): string {
  return parts
    .filter((part) => part !== null && part !== '')
    .map((part) => plainText(part ?? ''))
    .join(glyphs.separator);
}

/** Cells, each with a space before it. */
function gap(cells: readonly [string, number][], glyphs: Glyphs): string {
  const shown = cells.filter(([, width]) => width > 0);
  return shown.map(([text, width]) => ` ${fit(plainText(text), width, glyphs.ellipsis)}`).join('');
}

function joinCells(cells: readonly [string, number][], glyphs: Glyphs): string {
  return gap(cells, glyphs).slice(1);
}
