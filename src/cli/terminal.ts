import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import { styleText } from 'node:util';
import { type Glyphs, glyphsForLocale, unicodeGlyphs } from '../tui/glyphs.ts';

/** May colours be written to this stream? NO_COLOR and pipes say no. */
export function hasColour(stream: NodeJS.WriteStream): boolean {
  return Boolean(stream.isTTY) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}

/** Is there a terminal on which lines may change? CI systems that give one keep all that was ever on it. */
export function isLive(stream: NodeJS.WriteStream): boolean {
  return Boolean(stream.isTTY) && process.env.TERM !== 'dumb' && !process.env.CI;
}

/**
 * Can standard error keep lines below all that is printed, and change them? Not where standard output goes through a
 * pipe: `| tee`, `| grep` print on the same terminal, unknown to us.
 */
export function canDrawBelow(): boolean {
  if (!isLive(process.stderr)) return false;
  const output = fstatSync(1);
  return !output.isFIFO() && !output.isSocket();
}

/** Unicode symbols where the locale says that the terminal shows them; a pipe takes them all. */
export function glyphsOf(stream: NodeJS.WriteStream): Glyphs {
  return stream.isTTY ? glyphsForLocale(process.env) : unicodeGlyphs;
}

/** A line for people, on standard error: results alone go to standard output. */
export function say(text: string): void {
  printAbove(() => process.stderr.write(`${text}\n`));
}

let printAbove = (write: () => void): void => write();

/** While something is kept below all that is printed on the terminal: how to print above it. Null: no longer. */
export function keepBelow(above: ((write: () => void) => void) | null): void {
  printAbove = above ?? ((write) => write());
}

export function warn(text: string): void {
  say(`${paint('yellow', 'warning:')} ${text}`);
}

export function paint(style: Parameters<typeof styleText>[0], text: string): string {
  // Whether there are colours is decided here, for the stream that it is about.
  return hasColour(process.stderr) ? styleText(style, text, { validateStream: false }) : text;
}

/** Writes what only a terminal understands, if there is one to see it. */
export function writeToTerminal(sequence: string): void {
  const terminal = [process.stderr, process.stdout].find((stream) => stream.isTTY);
  terminal?.write(sequence);
}

/** One JSON document on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** `1 run`, `2 runs`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

let endsWithReader = true;

/**
 * `dstack … | head` is no failure: when nobody reads any longer, the process ends quietly. Output that can't be
 * written for another reason, such as a full disk, is one.
 */
export function endQuietlyWithTheReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!endsWithReader) return;
      if (error.code === 'EPIPE') process.exit(0);
      if (stream === process.stdout)
        say(`${paint('red', 'error:')} writing the output failed: ${error.message}`);
      process.exit(1);
    });
  }
}

/** For work that must not be left half done because nobody reads what it prints. */
export function keepOnWithoutReader(): void {
  endsWithReader = false;
}

/** Is somebody there to answer a question? */
export function canAsk(): boolean {
  // `process.stdin` is made when it is first looked at, which takes longer.
  return isatty(0) && isatty(2);
}

/** Asks one question on the terminal; null if nobody can be asked, or the answer was Ctrl+C or Ctrl+D. */
export async function ask(question: string): Promise<string | null> {
  if (!canAsk()) return null;
  const { createInterface } = await import('node:readline/promises');
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const gone = new Promise<null>((resolve) => {
    const leave = () => {
      process.stderr.write('\n');
      resolve(null);
    };
    reader.once('close', () => resolve(null));
    reader.once('SIGINT', leave);
  });
  try {
    const answer = await Promise.race([reader.question(question), gone]);
    return answer === null ? null : answer.trim();
  } finally {
    reader.close();
  }
}
