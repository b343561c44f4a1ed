import { formatDuration } from '../human-units.ts';
import { isFinal, isSuccess, type JobView, type RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { stateColour } from './colours.ts';
import { formatAge, jobDuration, runDuration } from './duration.ts';
import { fit } from './fit-text.ts';
import type { Glyphs } from './glyphs.ts';
import { treeGuides } from './job-tree.ts';
import { queueTime, runQueueTime } from './queue-time.ts';
import type { Segment } from './screen-line.tsx';
import { rowDetail } from './status-detail.ts';
import type { Details } from './status-model.ts';
import type { JobRow, Row } from './status-rows.ts';

/** Widths of the columns of the live screen, in terminal columns; 0: not shown. */
export interface Layout {
  readonly name: number;
  readonly state: number;
  readonly time: number;
  readonly queued: number;
  readonly runner: number;
  readonly age: number;
  readonly workflow: number;
  readonly detail: number;
}

const POINTER = 2;
const STATE = 'x submitted'.length;
const TIME = '23h59m'.length;

/** How a line of so many columns is divided: what matters less goes first. */
export function layoutFor(columns: number): Layout {
  const fixed = {
    state: STATE,
    time: TIME,
    queued: columns >= 80 ? TIME : 0,
    runner: columns >= 100 ? 12 : 0,
    age: columns >= 120 ? '365d ago'.length : 0,
    workflow: columns >= 160 ? 16 : 0,
  };
  const taken = Object.values(fixed).reduce((total, width) => total + (width > 0 ? width + 1 : 0), 0);
  const left = columns - POINTER - taken;
  if (columns < 60) return { ...fixed, name: Math.max(8, left), detail: 0 };
  const name = columns >= 160 ? 36 : columns >= 100 ? 30 : 25;
  return { ...fixed, name, detail: Math.max(0, left - name - 1) };
}

/** The titles above the columns. */
export function titleLine(layout: Layout, glyphs: Glyphs): string {
  const titles: [string, number][] = [
    ['RUN / JOB', layout.name],
    ['STATE', layout.state],
    ['TIME', layout.time],
    ['QUEUED', layout.queued],
    ['RUNNER', layout.runner],
    ['AGE', layout.age],
    ['WORKFLOW', layout.workflow],
  ];
  return ' '.repeat(POINTER) + cells(titles, glyphs).slice(1);
}

/** How a row is drawn, but for what it says. */
export interface RowLook {
  readonly layout: Layout;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly glyphs: Glyphs;
  readonly selected: boolean;
  readonly marked: boolean;
}

/** A run or job as one line of exactly the layout's width. All text is neutralised. */
export function rowLine(row: Row, details: Details, look: RowLook): Segment[] {
  const { layout, now, glyphs, selected, marked } = look;
  const view = row.kind === 'run' ? row.run : row.job;
  const time = row.kind === 'run' ? runDuration(row.run, now) : jobDuration(row.job, now);
  const queued = row.kind === 'run' ? runQueueTime(row.run, now) : queueTime(row.job, row.run, now);
  const stopping = row.kind === 'job' && row.job.stopping && !isFinal(row.job.state);
  const colour = stateColour(view.state);
  // Where there is no column of its own for it, the only time that there is is how long it has been waiting.
  const shownTime = time ?? (layout.queued === 0 && !isFinal(view.state) ? queued : null);
  const columns: [string, number][] = [
    [formatTime(shownTime), layout.time],
    [formatTime(queued), layout.queued],
    [row.kind === 'job' ? (row.job.runner ?? '') : '', layout.runner],
    [row.kind === 'run' ? formatAge(row.run.submittedAt, now) : '', layout.age],
    [row.kind === 'run' ? row.run.workflow : '', layout.workflow],
  ];
  return [
    { text: fit(`${selected ? glyphs.pointer : ' '}${marked ? glyphs.mark : ''}`, POINTER), style: 'cyan' },
    { text: nameCell(row, layout, glyphs), style: selected || row.kind === 'run' ? 'bold' : undefined },
    {
      text: cells(
        [[`${glyphs.state[view.state]} ${stopping ? 'stopping' : view.state}`, layout.state]],
        glyphs,
      ),
      style: colour,
    },
    { text: cells(columns, glyphs) },
    {
      text: cells([[rowDetail(row, details, layout.runner > 0, glyphs), layout.detail]], glyphs),
      style: isUnhappy(view) ? colour : 'dim',
    },
  ];
}

function nameCell(row: Row, { name }: Layout, glyphs: Glyphs): string {
  if (row.kind === 'run') {
    const mark = row.open ? glyphs.open : glyphs.closed;
    return fit(`${mark} ${plainText(row.run.name)}`, name, glyphs.ellipsis);
  }
  return fit(indentOf(row, name, glyphs) + plainText(row.job.name), name, glyphs.ellipsis);
}

/** At most half of the column: of a job far down the nearest lines count. */
function indentOf(row: JobRow, width: number, glyphs: Glyphs): string {
  const most = Math.floor(width / 4) * 2;
  return `${width < 25 ? '  ' : '    '}${treeGuides(row, glyphs).slice(-most)}`;
}

function formatTime(ms: number | null): string {
  return ms === null ? '' : formatDuration(ms);
}

function isUnhappy(view: RunView | JobView): boolean {
  return isFinal(view.state) && !isSuccess(view.state);
}

/** Cells, each with a space before it. */
function cells(columns: readonly [string, number][], glyphs: Glyphs): string {
  const shown = columns.filter(([, width]) => width > 0);
  return shown.map(([text, width]) => ` ${fit(plainText(text), width, glyphs.ellipsis)}`).join('');
}
