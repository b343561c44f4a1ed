import { isFinal, type JobView, type LedgerState, type RunView } from '../ledger/state.ts';
import { listRows, openNewRuns, type Row, rowKey } from './status-rows.ts';

/** What the source says: the newest state it could read, when that was, and why it cannot read any more. */
export interface Reading {
  readonly state: LedgerState | null;
  readonly error: string | null;
  /** When `state` was read, in milliseconds since 1970. */
  readonly readAt: number;
}

/** A run, or one job of it. */
export interface Target {
  readonly run: string;
  readonly job: string | null;
}

/** All that the status screen knows; it changes only through {@link updateStatus}. */
export interface StatusModel {
  readonly reading: Reading;
  readonly open: ReadonlyMap<string, boolean>;
  readonly filter: string;
  readonly rows: readonly Row[];
  /** Index into `rows`. */
  readonly cursor: number;
  /** Index of the first row in view. */
  readonly top: number;
  /** How many rows are in view. */
  readonly height: number;
  readonly mode: 'list' | 'filter' | 'confirm' | 'help';
  /** What `confirm` asks about. */
  readonly stopping: Target | null;
  /** The answer to the last action, until the next key. */
  readonly notice: string | null;
}

export type StatusEvent =
  | { readonly type: 'reading'; readonly reading: Reading }
  | { readonly type: 'height'; readonly height: number }
  | { readonly type: 'move'; readonly by: number }
  | { readonly type: 'toggle' }
  | { readonly type: 'filter'; readonly filter: string }
  | { readonly type: 'mode'; readonly mode: 'list' | 'filter' | 'help' }
  | { readonly type: 'ask-stop' }
  | { readonly type: 'notice'; readonly notice: string | null };

export function emptyStatus(height: number): StatusModel {
  return {
    reading: { state: null, error: null, readAt: 0 },
    open: new Map(),
    filter: '',
    rows: [],
    cursor: 0,
    top: 0,
    height,
    mode: 'list',
    stopping: null,
    notice: null,
  };
}

export function updateStatus(before: StatusModel, event: StatusEvent): StatusModel {
  // What was said in answer to the last key stands until the next one.
  const isKey = event.type !== 'reading' && event.type !== 'height';
  const model = isKey ? { ...before, notice: null } : before;
  switch (event.type) {
    case 'reading': {
      const reading = event.reading;
      // Nothing new to list: a source may repeat itself to tell only that it has looked again.
      if (reading.state === model.reading.state) return { ...model, reading };
      return relist({ ...model, reading, open: openNewRuns(reading.state, model.open) });
    }
    case 'height':
      return scroll({ ...model, height: Math.max(1, event.height) });
    case 'move':
      return scroll({ ...model, cursor: model.cursor + event.by });
    case 'toggle': {
      const row = model.rows[model.cursor];
      if (row === undefined) return model;
      const name = row.run.name;
      const open = new Map(model.open).set(name, !model.open.get(name));
      // The cursor may stand on a job that is about to be folded away.
      const run = row.kind === 'job' ? model.rows.findIndex((other) => other.run === row.run) : model.cursor;
      return relist({ ...model, open, cursor: run });
    }
    case 'filter':
      return relist({ ...model, filter: event.filter });
    case 'mode':
      return { ...model, mode: event.mode, stopping: null };
    case 'ask-stop':
      return askStop(model);
    case 'notice':
      return { ...model, notice: event.notice };
  }
}

/** The run and job under the cursor. A run of one job stands for that job. */
export function targetOf(row: Row): Target {
  const job = row.kind === 'job' ? row.job : row.run.jobs.length === 1 ? row.run.jobs[0] : undefined;
  return { run: row.run.name, job: job?.name ?? null };
}

/** The jobs of a row that have not ended. */
export function unfinishedJobs(row: Row): readonly JobView[] {
  return (row.kind === 'job' ? [row.job] : row.run.jobs).filter((job) => !isFinal(job.state));
}

/** Puts the cursor on a run or job, opening the run if need be. */
export function selectTarget(model: StatusModel, target: Target): StatusModel {
  const open = target.job === null ? model.open : new Map(model.open).set(target.run, true);
  const opened = open === model.open ? model : relist({ ...model, open });
  const isTarget = (row: Row) =>
    row.run.name === target.run &&
    (target.job === null || (row.kind === 'job' && row.job.name === target.job));
  const cursor = opened.rows.findIndex(isTarget);
  return cursor < 0 ? opened : scroll({ ...opened, cursor });
}

function askStop(model: StatusModel): StatusModel {
  const row = model.rows[model.cursor];
  if (row === undefined) return model;
  const target: Target = { run: row.run.name, job: row.kind === 'job' ? row.job.name : null };
  if (unfinishedJobs(row).length > 0) return { ...model, mode: 'confirm', stopping: target };
  const view: RunView | JobView = row.kind === 'job' ? row.job : row.run;
  return { ...model, notice: `${rowKey(row)} has ended already (${view.state})` };
}

/** Lists the rows anew; the cursor stays on the run or job it was on, and that at its place on the screen. */
function relist(model: StatusModel): StatusModel {
  const before = model.rows[model.cursor];
  const rows = listRows(model.reading.state, model.open, model.filter);
  let cursor = model.cursor;
  if (before !== undefined) {
    const key = rowKey(before);
    const same = rows.findIndex((row) => rowKey(row) === key);
    const run = same < 0 ? rows.findIndex((row) => row.run.name === before.run.name) : same;
    if (run >= 0) cursor = run;
  }
  const top = model.top === 0 ? 0 : model.top + cursor - model.cursor;
  return scroll({ ...model, rows, cursor, top });
}

/** Keeps the cursor inside the list and in view, and the view filled. */
function scroll(model: StatusModel): StatusModel {
  const { rows, height } = model;
  const cursor = Math.max(0, Math.min(model.cursor, rows.length - 1));
  const highest = Math.max(0, rows.length - height);
  const inView = Math.min(Math.max(model.top, cursor - height + 1), cursor);
  const top = Math.max(0, Math.min(inView, highest));
  return { ...model, cursor, top };
}
