import { collapseCarriageReturns, createLogSanitizer } from '../terminal-text.ts';
import { cellWidth } from './cell-width.ts';
import { matcher } from './error-lines.ts';
import type { DocumentLine, Find } from './log-document.ts';

const COLOURS = /\x1b\[[0-9;:]*m/g;
const [inverse, notInverse] = ['\x1b[7m', '\x1b[27m'];

/** A line of a log as a terminal shows it in the end: safe to print, progress bars in their last state, tabs as spaces. */
export function shownText({ bytes }: Pick<DocumentLine, 'bytes'>, colour: boolean): string {
  const sanitizer = createLogSanitizer({ colour });
  const text = collapseCarriageReturns(sanitizer.push(bytes) + sanitizer.end());
  return text.includes('\t') ? withoutTabs(text) : text;
}

function withoutTabs(text: string): string {
  let column = 0;
  return text.replace(/\t|[^\t]+/g, (piece) => {
    const shown = piece === '\t' ? ' '.repeat(8 - (column % 8)) : piece;
    column += cellWidth(shown);
    return shown;
  });
}

/** Text with what is found in it inverted; its own colours then give way. */
export function marked(text: string, find: Find): string {
  const plain = text.replace(COLOURS, '');
  let shown = '';
  let done = 0;
  for (let match = find(plain, 0); match !== null && match.length > 0; match = find(plain, done)) {
    const end = match.at + match.length;
    shown += `${plain.slice(done, match.at)}${inverse}${plain.slice(match.at, end)}${notInverse}`;
    done = end;
  }
  return done === 0 ? text : shown + plain.slice(done);
}

/** Cuts styled text into pieces of at most `width` columns; at least one. Takes linear time. */
export function wrapped(text: string, width: number): string[] {
  if (text.length * 2 <= width || cellWidth(text) <= width) return [text];
  const pieces: string[] = [];
  let piece = '';
  let used = 0;
  for (const { styled, columns, styles } of cells(text)) {
    if (used + columns > width) {
      pieces.push(piece + (styles === '' ? '' : RESET));
      piece = styles;
      used = 0;
    }
    piece += styled;
    used += columns;
  }
  return [...pieces, piece];
}

/** At most `width` columns of styled text, from one on; of a wide character that is cut nothing is shown. */
export function columnsOf(text: string, from: number, width: number): string {
  let shown = '';
  let column = 0;
  for (const { styled, columns, styles } of cells(text)) {
    if (column + columns > from + width) return shown + (styles === '' ? '' : RESET);
    if (column >= from || columns === 0) shown += styled;
    column += columns;
  }
  return shown;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const RESET = '\x1b[0m';
/** More than these are not in force at the same time in what people look at. */
const mostStyles = 8;

const widths = new Map<string, number>();

function widthOf(segment: string): number {
  const known = widths.get(segment);
  if (known !== undefined) return known;
  const width = cellWidth(segment);
  if (widths.size < 10_000) widths.set(segment, width);
  return width;
}

/** What stands on a terminal one beside the other: characters, and between them, without a column, styles. */
function* cells(text: string): Generator<{ styled: string; columns: number; styles: string }> {
  let inForce: string[] = [];
  for (const [part] of text.matchAll(/\x1b\[[0-9;:]*m|[\x20-\x7e]+|[^\x1b\x20-\x7e]+/g)) {
    if (part.startsWith('\x1b')) {
      inForce = /^\x1b\[0*m$/.test(part) ? [] : [...inForce, part].slice(-mostStyles);
      yield { styled: part, columns: 0, styles: '' };
      continue;
    }
    const styles = inForce.join('');
    // Most is ASCII, for which a segmenter takes ten times as long.
    if (part <= '\x7f') for (const styled of part) yield { styled, columns: 1, styles };
    else
      for (const { segment } of graphemes.segment(part))
        yield { styled: segment, columns: widthOf(segment), styles };
  }
}

/** What finds a text as people type it: letters of either case, unless there is a capital among them. */
export function finder(wanted: string): Find {
  const flags = wanted === wanted.toLowerCase() ? 'gi' : 'g';
  return matcher(new RegExp(wanted.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), flags));
}

/** @param seconds since 1970 @returns the time of day here */
export function clockTime(seconds: number): string {
  const at = new Date(seconds * 1000);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
