import { cellWidth } from './cell-width.ts';
import { findTrouble } from './error-lines.ts';
import { truncate } from './fit-text.ts';
import type { Glyphs } from './glyphs.ts';
import type { DocumentLine, Find, LogDocument } from './log-document.ts';
import { logKeys } from './log-keys.ts';
import { clockTime, columnsOf, finder, marked, shownText, wrapped } from './log-text.ts';

export interface LogPagerOptions {
  readonly document: LogDocument;
  /** The run, or the job of it. */
  readonly title: string;
  /** What stands before the lines of each job, by its number; see `jobPrefixes`. */
  readonly prefixes: readonly string[];
  readonly colour: boolean;
  readonly glyphs: Glyphs;
  /** Goes on to the end, as far as there is one, and stays there. */
  readonly follow: boolean;
  /** Called when there is something new to see. */
  readonly changed: () => void;
}

export interface Frame {
  /** Lines that are not wider than the screen, with colours. */
  readonly rows: readonly string[];
  /** The last line: where one is, or what is asked. */
  readonly foot: string;
}

export interface LogPager {
  /**
   * @param key its character, or the name of one that has none
   * @returns `leave` for one that leaves
   */
  press(key: string): 'leave' | undefined;
  /** What the screen shows now. */
  frame(columns: number, rows: number): Frame;
  /** How it stands with the log: {@link beingRead}, `running`, `done` …; and whether nothing more comes. */
  state(text: string, isOver?: boolean): void;
  /** Something to tell below it until the next key. */
  note(text: string): void;
}

interface Row {
  readonly line: number;
  readonly text: string;
}

/** How it stands with a log that has ended and of which not all is here. */
export const beingRead = 'being read';

/** Lines that stay in view above what was found. */
const context = 3;

/** Moves about in a log and searches it: what is pressed changes what the next frame shows. */
export function openLogPager(options: LogPagerOptions): LogPager {
  const { document, glyphs, colour } = options;
  let top = 0;
  /** So many rows of the top line are above the screen, where long lines are wrapped. */
  let above = 0;
  let left = 0;
  let follow = options.follow;
  /** Followed only to the end of what is there. */
  let untilRead = false;
  let wrap = true;
  let times = false;
  let showHelp = false;
  let typed: string | null = null;
  let sought: Find | null = null;
  let hit: number | null = null;
  let note = '';
  let state = '';
  let over = false;
  let size = { columns: 80, rows: 23 };
  let searching: AbortController | null = null;

  const gutter = () => (hit === null ? 0 : cellWidth(glyphs.pointer) + 1);
  const leadOf = (line: { job: number; at: number }): string =>
    `${times ? `${clockTime(line.at)} ` : ''}${options.prefixes[line.job] ?? ''}`;
  const rowsOf = (line: DocumentLine, number: number): string[] => {
    const lead = leadOf(line);
    const indent = cellWidth(lead) + gutter();
    const width = Math.max(8, size.columns - indent);
    const plain = shownText(line, colour);
    const text = sought && colour ? marked(plain, sought) : plain;
    const pieces = wrap ? wrapped(text, width) : [columnsOf(text, left, width)];
    const mark = (number === hit ? glyphs.pointer : '').padEnd(gutter());
    return pieces.map((piece, part) => `${part === 0 ? mark + lead : ' '.repeat(indent)}${piece}`);
  };
  const heightOf = (number: number): number => {
    const [line] = document.lines(number, 1);
    return line && wrap ? rowsOf(line, number).length : 1;
  };
  /** The rows of the lines from one on: as many as asked for, if there are. */
  const rowsFrom = (first: number, count: number): Row[] => {
    const rows: Row[] = [];
    for (const [index, line] of document.lines(first, count).entries()) {
      if (rows.length >= count) break;
      rows.push(...rowsOf(line, first + index).map((text) => ({ line: first + index, text })));
    }
    return rows;
  };
  /** The last place from which the screen is still full. */
  const lowest = (): { top: number; above: number } => {
    const first = Math.max(0, document.lineCount() - size.rows);
    const lines = document.lines(first, size.rows);
    let missing = size.rows;
    for (let index = lines.length - 1; index >= 0; index -= 1) {
      const line = lines[index];
      const height = line && wrap ? rowsOf(line, first + index).length : 1;
      if (height >= missing) return { top: first + index, above: height - missing };
      missing -= height;
    }
    return { top: 0, above: 0 };
  };
  const toEnd = () => {
    ({ top, above } = lowest());
  };
  const move = (by: number) => {
    if (!wrap) top = Math.max(0, top + by);
    else if (by > 0) {
      const rows = rowsFrom(top, above + by + size.rows);
      const next = rows[above + by];
      if (next) {
        above = rows.slice(0, above + by).filter((row) => row.line === next.line).length;
        top = next.line;
      }
    } else {
      for (above += by; above < 0 && top > 0; ) {
        top -= 1;
        above += heightOf(top);
      }
      above = Math.max(0, above);
    }
    follow = false;
    const end = lowest();
    if (top > end.top || (top === end.top && above > end.above)) ({ top, above } = end);
  };
  const search = async (find: Find, backwards: boolean, what: string) => {
    sought = find;
    const from = hit !== null && hit >= top && hit < top + size.rows ? hit + (backwards ? -1 : 1) : top;
    if (from < 0) {
      note = `no ${what} above`;
      return;
    }
    searching?.abort();
    const own = new AbortController();
    searching = own;
    note = 'searching';
    const found = await document.search(find, from, backwards, own.signal);
    if (found === null || own.signal.aborted) return;
    searching = null;
    note = found < 0 ? `no ${what} ${backwards ? 'above' : 'below'}` : '';
    if (found >= 0) {
      hit = found;
      follow = false;
      top = Math.max(0, found - context);
      above = 0;
      move(0);
    }
    options.changed();
  };

  let last: { find: Find; what: string } | null = null;
  const type = (key: string) => {
    if (key === 'escape' || key === 'ctrl-c') typed = null;
    else if (key === 'backspace') typed = typed === '' ? null : (typed ?? '').slice(0, -1);
    else if (key === 'enter') {
      if (typed) last = { find: finder(typed), what: `“${typed}”` };
      typed = null;
      if (last) void search(last.find, false, last.what);
    } else if (cellWidth(key) > 0 && !/^[a-z]+-?[a-z]+$/.test(key)) typed += key;
  };
  const half = () => Math.max(1, Math.floor(size.rows / 2));
  const again = (backwards: boolean) => {
    if (last) void search(last.find, backwards, last.what);
    else note = 'nothing has been searched yet: / does';
  };
  const toStart = () => {
    [top, above, follow] = [0, 0, false];
  };
  const toEndOnce = () => {
    // What is still being read has its end only then.
    follow = state === beingRead;
    untilRead = follow;
    toEnd();
  };
  const sideways = (by: number) => {
    if (!wrap) left = Math.max(0, left + by);
  };
  const actions = new Map<string, () => void>([
    ...['j', 'down', 'enter'].map((key) => [key, () => move(1)] as const),
    ...['k', 'up'].map((key) => [key, () => move(-1)] as const),
    ...[' ', 'pagedown'].map((key) => [key, () => move(size.rows)] as const),
    ...['b', 'pageup'].map((key) => [key, () => move(-size.rows)] as const),
    ['d', () => move(half())],
    ['u', () => move(-half())],
    ...['g', 'home'].map((key) => [key, toStart] as const),
    ...['G', 'end'].map((key) => [key, toEndOnce] as const),
    [
      'F',
      () => {
        follow = !follow;
        untilRead = false;
      },
    ],
    [
      't',
      () => {
        [times, above] = [!times, 0];
      },
    ],
    [
      'w',
      () => {
        [wrap, above, left] = [!wrap, 0, 0];
      },
    ],
    ['right', () => sideways(8)],
    ['left', () => sideways(-8)],
    [
      '/',
      () => {
        typed = '';
      },
    ],
    ['n', () => again(false)],
    ['N', () => again(true)],
    ['e', () => void search(findTrouble, false, 'error')],
    ['E', () => void search(findTrouble, true, 'error')],
    [
      '?',
      () => {
        showHelp = true;
      },
    ],
  ]);

  return {
    press(key) {
      if (typed !== null) type(key);
      else if (showHelp) showHelp = false;
      else {
        note = '';
        searching?.abort();
        if (['q', 'escape', 'ctrl-c'].includes(key)) return 'leave';
        actions.get(key)?.();
      }
      return undefined;
    },
    frame(columns, rows) {
      size = { columns, rows: Math.max(1, rows - 1) };
      if (follow) toEnd();
      const shown = rowsFrom(top, size.rows + above).slice(above, above + size.rows);
      const text = showHelp
        ? logKeys.map((line) => truncate(line.replace('↓ ↑', glyphs.upDown), columns, glyphs.ellipsis))
        : shown.map((row) => row.text);
      return { rows: text.slice(0, size.rows), foot: foot((shown.at(-1)?.line ?? -1) + 1) };
    },
    state(text, isOver = false) {
      if (untilRead && text !== beingRead) {
        if (follow) toEnd();
        [follow, untilRead] = [false, false];
      }
      [state, over] = [text, isOver];
    },
    note(text) {
      note = text;
    },
  };

  /** @param bottom the number of the last line in view, counted from 1 */
  function foot(bottom: number): string {
    const { columns } = size;
    if (typed !== null) return truncateLeft(`/${typed}_`, columns);
    if (note !== '') return truncate(note, columns, glyphs.ellipsis);
    const count = document.lineCount();
    const where = count === 0 ? (over ? 'no output' : 'nothing yet') : `${top + 1}-${bottom} of ${count}`;
    const following = follow && !untilRead && !over ? 'following' : '';
    const parts = [options.title, where, state, following, '? help', 'q quit'];
    return truncate(parts.filter(Boolean).join(glyphs.separator), columns, glyphs.ellipsis);
  }
}

/** What is typed last is what one wants to see. */
function truncateLeft(text: string, columns: number): string {
  return text.length <= columns ? text : text.slice(-columns);
}
