import type { JobProgress } from '../ledger/read-progress.ts';
import { isFinal, type JobView, type LedgerState } from '../ledger/state.ts';
import { listRows, openNewRuns, type Row, rowKey } from './status-rows.ts';

/** What the source says: the newest state it could read, when that was, and why it cannot read any more. */
export interface Reading {
  readonly state: LedgerState | null;
  readonly error: string | null;
  /** When `state` was read, in milliseconds since 1970. */
  readonly readAt: number;
}

/** What is read only of what is in view. */
export interface Details {
  /** How far jobs have come, by `run/job`. */
  readonly progress: ReadonlyMap<string, JobProgress>;
  /** The values of the cells of a matrix: by the run's name, then the job's. */
  readonly cells: ReadonlyMap<string, ReadonlyMap<string, Readonly<Record<string, string>>>>;
}

/** A run, or one job of it. */
export interface Target {
  readonly run: string;
  readonly job: string | null;
}

/** What is asked before it is done. */
export type Verb = 'stop' | 'abort' | 'rerun' | 'tag';

export interface Question {
  readonly verb: Verb;
  readonly target: Target;
  /** What has been typed: the name of a tag. */
  readonly text: string;
}

/** What covers the list. */
export type Page =
  | { readonly kind: 'help' }
  | { readonly kind: 'facts'; readonly target: Target }
  /** Null: it is being read. It may have colours, and nothing else that isn't printable. */
  | { readonly kind: 'text'; readonly title: string; readonly text: string | null };

/** All that the status screen knows; it changes only through {@link updateStatus}. */
export interface StatusModel {
  readonly reading: Reading;
  readonly details: Details;
  readonly open: ReadonlyMap<string, boolean>;
  readonly filter: string;
  readonly rows: readonly Row[];
  /** Index into `rows`. */
  readonly cursor: number;
  /** The cursor stays at the end, however much comes there. */
  readonly atEnd: boolean;
  /** Index of the first row in view. */
  readonly top: number;
  /** How many rows are in view. */
  readonly height: number;
  /** Where keys go. */
  readonly mode: 'list' | 'filter' | 'question' | 'page';
  readonly question: Question | null;
  readonly page: Page | null;
  /** The first line of the page that is in view, and the last one that can be. */
  readonly pageTop: number;
  readonly pageEnd: number;
  /** Runs that were marked, in that order. */
  readonly marks: readonly string[];
  /** The answer to the last action, until the next key. */
  readonly notice: string | null;
}

export type StatusEvent =
  | { readonly type: 'reading'; readonly reading: Reading }
  | { readonly type: 'details'; readonly details: Details }
  | { readonly type: 'height'; readonly height: number }
  | { readonly type: 'move'; readonly by: number }
  /** Opens or closes a run; without `open` whatever it isn't. */
  | { readonly type: 'fold'; readonly open?: boolean }
  | { readonly type: 'mark' }
  | { readonly type: 'filter'; readonly filter: string }
  | { readonly type: 'edit-filter' }
  | { readonly type: 'ask'; readonly verb: Verb }
  | { readonly type: 'answer'; readonly text: string }
  | { readonly type: 'page'; readonly page: Page }
  /** The text of the page, if it is still the one with this title. */
  | { readonly type: 'text'; readonly title: string; readonly text: string }
  /** How far the page can be scrolled, which follows from the width of the screen. */
  | { readonly type: 'page-end'; readonly end: number }
  | { readonly type: 'scroll'; readonly by: number }
  | { readonly type: 'list' }
  /** Takes back the last thing: filter, then marks. */
  | { readonly type: 'back' }
  | { readonly type: 'notice'; readonly notice: string | null };

/** What comes by itself. What was said in answer to the last key stands until the next one. */
const noKeys: ReadonlySet<StatusEvent['type']> = new Set([
  'reading',
  'details',
  'height',
  'text',
  'page-end',
]);

export function emptyStatus(height: number): StatusModel {
  return {
    reading: { state: null, error: null, readAt: 0 },
    details: { progress: new Map(), cells: new Map() },
    open: new Map(),
    filter: '',
    rows: [],
    cursor: 0,
    atEnd: false,
    top: 0,
    height,
    mode: 'list',
    question: null,
    page: null,
    pageTop: 0,
    pageEnd: 0,
    marks: [],
    notice: null,
  };
}

export function updateStatus(before: StatusModel, event: StatusEvent): StatusModel {
  const model = noKeys.has(event.type) ? before : { ...before, notice: null };
  switch (event.type) {
    case 'reading': {
      const reading = event.reading;
      // Nothing new to list: a source may repeat itself to tell only that it has looked again.
      if (reading.state === model.reading.state) return { ...model, reading };
      return relist({ ...model, reading, open: openNewRuns(reading.state, model.open) });
    }
    case 'details':
      return { ...model, details: event.details };
    case 'height':
      return scroll({ ...model, height: Math.max(1, event.height) });
    case 'move':
      return scroll({
        ...model,
        cursor: model.cursor + event.by,
        atEnd: event.by === Number.POSITIVE_INFINITY,
      });
    case 'fold':
      return fold(model, event.open);
    case 'mark':
      return mark(model);
    case 'filter':
      return relist({ ...model, filter: event.filter });
    case 'edit-filter':
      return { ...model, mode: 'filter' };
    case 'ask':
      return ask(model, event.verb);
    case 'answer':
      return model.question === null
        ? model
        : { ...model, question: { ...model.question, text: event.text } };
    case 'page':
      // Back from a question it is where it was.
      return {
        ...model,
        mode: 'page',
        page: event.page,
        pageTop: event.page === model.page ? model.pageTop : 0,
        question: null,
      };
    case 'text': {
      const { page } = model;
      const awaited = page?.kind === 'text' && page.title === event.title;
      return awaited ? { ...model, page: { ...page, text: event.text } } : model;
    }
    case 'page-end':
      return { ...model, pageEnd: event.end };
    case 'scroll': {
      const pageTop = Math.max(0, Math.min(model.pageEnd, model.pageTop + event.by));
      return { ...model, pageTop };
    }
    case 'list':
      return { ...model, mode: 'list', question: null, page: null };
    case 'back':
      return model.filter !== '' ? relist({ ...model, filter: '' }) : { ...model, marks: [] };
    case 'notice':
      return { ...model, notice: event.notice };
  }
}

/** The row under the cursor. */
export function rowAtCursor(model: StatusModel): Row | undefined {
  return model.rows[model.cursor];
}

/** The run or job of a row. */
export function targetOf(row: Row): Target {
  return { run: row.run.name, job: row.kind === 'job' ? row.job.name : null };
}

/** `RUN` or `RUN/JOB`. Not yet neutralised. */
export function nameOf({ run, job }: Target): string {
  return job === null ? run : `${run}/${job}`;
}

/** The jobs of a row that have not ended. */
export function unfinishedJobs(row: Row): readonly JobView[] {
  return (row.kind === 'job' ? [row.job] : row.run.jobs).filter((job) => !isFinal(job.state));
}

/** Puts the cursor on a run or job, opening the run if need be. */
export function selectTarget(model: StatusModel, target: Target): StatusModel {
  const open = target.job === null ? model.open : new Map(model.open).set(target.run, true);
  const opened = open === model.open ? model : relist({ ...model, open });
  const cursor = opened.rows.findIndex((row) => isTarget(row, target));
  return cursor < 0 ? opened : scroll({ ...opened, cursor });
}

/** The row of a target, if it is listed. */
export function rowOf(model: StatusModel, target: Target): Row | undefined {
  const row = rowAtCursor(model);
  return row && isTarget(row, target) ? row : model.rows.find((one) => isTarget(one, target));
}

/** Is the end of what has been read so near that older runs are wanted? */
export function wantsOlder({ reading, rows, top, height }: StatusModel): boolean {
  return (reading.state?.archived ?? 0) > 0 && rows.length - top < 3 * height;
}

/** Do these runs stand for a difference: two that are marked, or one and that under the cursor? */
export function pairToCompare(model: StatusModel): readonly [string, string] | null {
  const current = rowAtCursor(model)?.run.name;
  const [first, second] = model.marks.length === 1 ? [model.marks[0], current] : model.marks;
  const isPair = model.marks.length <= 2 && first !== undefined && second !== undefined && first !== second;
  return isPair ? [first, second] : null;
}

function isTarget(row: Row, { run, job }: Target): boolean {
  return row.run.name === run && (row.kind === 'job' ? row.job.name === job : job === null);
}

function fold(model: StatusModel, wanted: boolean | undefined): StatusModel {
  const row = rowAtCursor(model);
  if (row === undefined) return model;
  const { name } = row.run;
  const open = new Map(model.open).set(name, wanted ?? !model.open.get(name));
  // The cursor may stand on a job that is about to be folded away.
  const cursor = open.get(name) ? model.cursor : model.rows.findIndex((other) => other.run === row.run);
  return relist({ ...model, open, cursor });
}

/** Marks the run under the cursor, or takes its mark away, and goes on to the next one, as in file managers. */
function mark(model: StatusModel): StatusModel {
  const row = rowAtCursor(model);
  if (row === undefined) return model;
  const { name } = row.run;
  const isMarked = model.marks.includes(name);
  const marks = isMarked ? model.marks.filter((one) => one !== name) : [...model.marks, name];
  const next = model.rows.findIndex((other, index) => index > model.cursor && other.kind === 'run');
  return scroll({ ...model, marks, cursor: next < 0 || isMarked ? model.cursor : next, atEnd: false });
}

function ask(model: StatusModel, verb: Verb): StatusModel {
  const row = rowAtCursor(model);
  if (row === undefined) return model;
  const target = targetOf(row);
  const isEnding = verb === 'stop' || verb === 'abort';
  if (isEnding && unfinishedJobs(row).length === 0) {
    const { state } = row.kind === 'job' ? row.job : row.run;
    return { ...model, notice: `${rowKey(row)} has ended already (${state})` };
  }
  // It is runs that are run again, or tagged.
  const question = { verb, target: isEnding ? target : { ...target, job: null }, text: '' };
  return { ...model, mode: 'question', question };
}

/** Lists the rows anew; the cursor stays on the run or job it was on, and that at its place on the screen. */
function relist(model: StatusModel): StatusModel {
  const before = rowAtCursor(model);
  const rows = listRows(model.reading.state, model.open, model.filter);
  let cursor = model.cursor;
  if (model.atEnd) cursor = rows.length - 1;
  else if (before !== undefined) {
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
