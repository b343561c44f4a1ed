import { collapseCarriageReturns, createLogSanitizer, plainText } from '../terminal-text.ts';
import { cellWidth } from './cell-width.ts';
import { type Colour, paint } from './colours.ts';
import { fit } from './fit-text.ts';

export interface LinePrinter {
  /**
   * Any bytes of the job's output: lines and characters may be cut anywhere.
   * @param at when they were written, in seconds since 1970; only shown by one that shows times
   */
  push(chunk: Uint8Array, at?: number): void;
  /** The state of the last line, if it has no line break yet and is held back for that; otherwise empty. */
  unfinished(): string;
  /** Prints what was held back, with a line break if the last line has none. Call it once. */
  end(): void;
}

export interface LinePrinterOptions {
  /** Put before every line, made by {@link jobPrefixes}; empty if only one job is shown. */
  readonly prefix: string;
  /** Keep the log's own colours. */
  readonly colour: boolean;
  /** The output is a terminal: progress bars move, as long as there is no prefix. In a pipe only their last state is kept. */
  readonly terminal: boolean;
  /** Put before every line when its beginning was written. */
  readonly times?: boolean | undefined;
  readonly write: (text: string) => void;
}

// A line that never ends may not fill the memory.
const MAX_LINE = 64 * 1024;
const RESET = '\x1b[0m';
const CLOSING_RESET = /\x1b\[0m$/;

/** Prints one job's log. Control sequences other than colours are removed. */
export function createLinePrinter({
  prefix,
  colour,
  terminal,
  times = false,
  write,
}: LinePrinterOptions): LinePrinter {
  const sanitizer = createLogSanitizer({ colour });
  return terminal && prefix === '' && !times ? rawPrinter() : wholeLinePrinter();

  /** Passes everything on at once. */
  function rawPrinter(): LinePrinter {
    let atLineStart = true;
    const print = (text: string) => {
      if (text === '') return;
      atLineStart = text.endsWith('\n');
      write(text);
    };
    return {
      push: (chunk) => print(sanitizer.push(chunk)),
      unfinished: () => '',
      end: () => {
        const open = !atLineStart;
        write(sanitizer.end() + (open ? '\n' : ''));
      },
    };
  }

  /** Prints whole lines only, so that the lines of several jobs do not mix. */
  function wholeLinePrinter(): LinePrinter {
    let held = '';
    let heldSince: number | undefined;
    const printLine = (line: string) => {
      const text = collapseCarriageReturns(line);
      // A colour that is left on would run into the next job's line.
      const time = times && heldSince !== undefined ? `${timeStamp(heldSince)} ` : '';
      write(`${time}${prefix}${text}${text.includes('\x1b') && !text.endsWith(RESET) ? RESET : ''}\n`);
    };
    const take = (text: string, at?: number) => {
      if (held === '') heldSince = at;
      const lines = (held + text).split('\n');
      held = lines.pop() ?? '';
      for (const line of lines) {
        printLine(line);
        heldSince = at;
      }
      if (held.length > MAX_LINE) held = keepLastState(held);
      if (held.length > MAX_LINE) {
        printLine(held);
        held = '';
      }
    };
    return {
      push: (chunk, at) => take(sanitizer.push(chunk), at),
      unfinished: () => collapseCarriageReturns(held),
      end: () => {
        // Its closing reset alone is not a line; every line here has its own.
        take(sanitizer.end().replace(CLOSING_RESET, ''), heldSince);
        if (held !== '') printLine(held);
        held = '';
      },
    };
  }
}

/** `2026-11-30T14:05:09Z`, which sorts, and is the same everywhere. */
function timeStamp(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** What of an unfinished line a later `\r` can still leave standing. */
function keepLastState(line: string): string {
  const start = line.lastIndexOf('\r');
  return start < 0 ? line : `${collapseCarriageReturns(line.slice(0, start))}\r${line.slice(start + 1)}`;
}

const colours: readonly Colour[] = ['cyan', 'magenta', 'green', 'yellow', 'blue'];

/**
 * What stands before the lines of each job: its name, padded to the longest, in a colour of its own.
 * Nothing if there is only one job. The names may be foreign: they are neutralised.
 */
export function jobPrefixes(
  names: readonly string[],
  options: { colour: boolean },
): ReadonlyMap<string, string> {
  if (names.length < 2) return new Map(names.map((name) => [name, '']));
  const plain = names.map(plainText);
  const width = plain.reduce((widest, name) => Math.max(widest, cellWidth(name)), 0);
  return new Map(
    names.map((name, index) => [
      name,
      `${paint(colours[index % colours.length], `${fit(plain[index] ?? '', width)} |`, options.colour)} `,
    ]),
  );
}
