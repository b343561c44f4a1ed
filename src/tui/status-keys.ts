import { type Key, useApp, useInput } from 'ink';
import { useRef } from 'react';
import type { JobView } from '../ledger/state.ts';
import { pageMovement } from './screen-page.tsx';
import {
  nameOf,
  pairToCompare,
  rowAtCursor,
  type StatusEvent,
  type StatusModel,
  type Target,
  targetOf,
} from './status-model.ts';
import type { Row } from './status-rows.ts';
import type { StatusSource, StatusStore } from './use-status.ts';

/** What the keys do beyond the screen. Each resolves to what came of it, in words; a failure rejects. */
export interface StatusActions {
  /** Asks for a run or a job to be stopped; `abort`: at once. */
  stop(target: Target, abort: boolean): Promise<string>;
  /** Submits the code, workflow and variables of a run once more. */
  rerun(run: string): Promise<string>;
  tag(run: string, tag: string): Promise<string>;
  /** In what two runs differ: lines for so many columns, with colours, neutralised. */
  diff(before: string, after: string, columns: number): Promise<string>;
  /** The user wants to read a log (of all jobs: null) and leaves the screen. */
  logs(run: string, job: string | null): void;
}

const listKeys: Readonly<Record<string, StatusEvent>> = {
  j: { type: 'move', by: 1 },
  k: { type: 'move', by: -1 },
  g: { type: 'move', by: Number.NEGATIVE_INFINITY },
  G: { type: 'move', by: Number.POSITIVE_INFINITY },
  ' ': { type: 'mark' },
  '/': { type: 'edit-filter' },
  '?': { type: 'page', page: { kind: 'help' } },
};

/** Keys that do something with the run or job under the cursor, also while a page shows it. */
const rowKeys: Readonly<Record<string, StatusEvent>> = {
  s: { type: 'ask', verb: 'stop' },
  A: { type: 'ask', verb: 'abort' },
  r: { type: 'ask', verb: 'rerun' },
  t: { type: 'ask', verb: 'tag' },
};

export interface KeyOptions {
  readonly source: StatusSource;
  readonly actions: StatusActions;
  readonly columns: number;
  /** How many lines of a page are in view. */
  readonly room: number;
}

/** Keys to events and actions. */
export function useStatusKeys(
  { model, send }: StatusStore,
  { source, actions, columns, room }: KeyOptions,
): void {
  const { exit } = useApp();
  const left = useRef(false);

  const leave = () => {
    left.current = true;
    exit();
  };

  const tell = (beginning: string, action: Promise<string>) => {
    send({ type: 'notice', notice: beginning });
    action.then(
      (answer) => send({ type: 'notice', notice: answer }),
      (error: unknown) => send({ type: 'notice', notice: wordsOf(error) }),
    );
  };

  const answer = () => {
    const { question, page } = model.current;
    back(page);
    if (question === null) return;
    const { verb, target, text } = question;
    const name = nameOf(target);
    if (verb === 'rerun') tell(`submitting ${target.run} once more`, actions.rerun(target.run));
    else if (verb !== 'tag')
      tell(`${verb === 'stop' ? 'stopping' : 'aborting'} ${name}`, actions.stop(target, verb === 'abort'));
    else if (text.trim() !== '') tell(`tagging ${target.run}`, actions.tag(target.run, text.trim()));
  };

  /** From a question to what was there before it. */
  const back = (page: StatusModel['page']) => send(page === null ? { type: 'list' } : { type: 'page', page });

  const diff = () => {
    const pair = pairToCompare(model.current);
    if (pair === null) {
      const marked = model.current.marks.length;
      const notice = marked > 2 ? `${marked} runs are marked: mark two` : 'mark two runs with the space bar';
      return send({ type: 'notice', notice });
    }
    const title = `diff ${pair[0]} ${pair[1]}`;
    send({ type: 'page', page: { kind: 'text', title, text: null } });
    actions.diff(...pair, columns).then(
      (text) => send({ type: 'text', title, text }),
      (error: unknown) => send({ type: 'text', title, text: wordsOf(error) }),
    );
  };

  const open = (row: Row | undefined) => {
    if (row) send({ type: 'page', page: { kind: 'facts', target: targetOf(row) } });
  };

  const logs = (row: Row | undefined) => {
    if (row === undefined) return;
    actions.logs(row.run.name, logOf(row)?.name ?? null);
    leave();
  };

  const command = (character: string) => {
    const row = rowAtCursor(model.current);
    const event = listKeys[character] ?? rowKeys[character];
    if (event !== undefined) send(event);
    else if (character === 'l') logs(row);
    else if (character === 'd') diff();
    else if (character === 'o') open(row);
    else if (character === 'q') leave();
  };

  const enter = () => {
    const row = rowAtCursor(model.current);
    if (row?.kind === 'run') send({ type: 'fold' });
    else open(row);
  };

  const read = (character: string, page: StatusModel['page']) => {
    const by = pageMovement(character, room);
    const event = page?.kind === 'facts' ? rowKeys[character] : undefined;
    if (character === 'q' || page?.kind === 'help') send({ type: 'list' });
    else if (by !== null) send({ type: 'scroll', by });
    else if (event !== undefined) send(event);
    else if (character === 'l' && page?.kind === 'facts') logs(rowAtCursor(model.current));
  };

  const type = (character: string) => {
    const { mode, question, filter, page } = model.current;
    if (left.current) return;
    if (mode === 'page') read(character, page);
    else if (mode === 'filter') send({ type: 'filter', filter: filter + character });
    else if (mode === 'list') command(character);
    else if (question?.verb === 'tag') send({ type: 'answer', text: question.text + character });
    else if (character.toLowerCase() === 'y') answer();
    else back(page);
  };

  const press = (key: Key): boolean => {
    const { mode, question, filter, height, page } = model.current;
    const isTyped = mode === 'filter' || question?.verb === 'tag';
    const by = movement(key, mode === 'page' ? room : height);
    if (key.escape) {
      if (mode === 'filter') send({ type: 'filter', filter: '' });
      if (mode === 'list') send({ type: 'back' });
      else back(mode === 'question' ? page : null);
    } else if (by !== 0) {
      if (mode === 'page') send({ type: 'scroll', by });
      else if (mode !== 'question') send({ type: 'move', by });
    } else if (key.backspace || key.delete) {
      if (mode === 'filter') send({ type: 'filter', filter: withoutLast(filter) });
      else if (isTyped && question) send({ type: 'answer', text: withoutLast(question.text) });
    } else if (key.return) {
      if (mode === 'list') enter();
      else if (mode === 'filter') send({ type: 'list' });
      else if (mode === 'page') send({ type: 'scroll', by: 1 });
      else if (isTyped) answer();
      else back(page);
    } else if (key.rightArrow || key.leftArrow) {
      if (mode === 'list') send({ type: 'fold', open: key.rightArrow });
      else if (mode === 'page' && key.leftArrow) send({ type: 'list' });
    } else return false;
    return true;
  };

  useInput((input, key) => {
    source.hurry();
    if (left.current || press(key) || key.ctrl) return;
    // Escape and a key after it that come together look like one with Alt, which none of these is.
    if (key.meta) press({ ...key, meta: false, escape: true });
    // What was pasted, or comes by a slow line, is many keys at once.
    for (const character of input) {
      if (character === '\r' || character === '\n') press({ ...key, return: true });
      else if (character >= ' ') type(character);
    }
  });
}

/** A run of one job has one log. */
function logOf(row: Row): JobView | undefined {
  if (row.kind === 'job') return row.job;
  return row.run.jobs.length === 1 ? row.run.jobs[0] : undefined;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function withoutLast(text: string): string {
  return [...text].slice(0, -1).join('');
}

function movement(key: Key, height: number): number {
  if (key.upArrow) return -1;
  if (key.downArrow) return 1;
  if (key.pageUp) return -height;
  if (key.pageDown) return height;
  if (key.home) return Number.NEGATIVE_INFINITY;
  return key.end ? Number.POSITIVE_INFINITY : 0;
}
