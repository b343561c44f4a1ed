import { styleText } from 'node:util';
import { DstackError } from '../errors.ts';

/** May colours be written to this stream? NO_COLOR and pipes say no. */
export function hasColour(stream: NodeJS.WriteStream): boolean {
  return Boolean(stream.isTTY) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}

/** A line for people, on standard error: results alone go to standard output. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function warn(text: string): void {
  say(`${paint('yellow', 'warning:')} ${text}`);
}

export function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return hasColour(process.stderr) ? styleText(style, text) : text;
}

/** One JSON document on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Prints a failure in one to three lines; with `verbose` the whole stack. */
export function printError(error: unknown, verbose: boolean): number {
  if (error instanceof DstackError) {
    say(`${paint('red', 'error:')} ${error.message}`);
    if (error.hint) say(`${paint('cyan', ' hint:')} ${error.hint}`);
    if (verbose) say(String(error.stack));
    return error.exitCode;
  }
  const message = error instanceof Error ? error.message : String(error);
  say(`${paint('red', 'error:')} ${message}`);
  say(
    `${paint('cyan', ' hint:')} this looks like a bug in dstack: run it again with --verbose, and report what it prints`,
  );
  if (verbose && error instanceof Error) say(String(error.stack));
  return 1;
}

/** Asks one question on the terminal; null if there is no terminal to ask on, or the answer was Ctrl+C or Ctrl+D. */
export async function ask(question: string): Promise<string | null> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  const { createInterface } = await import('node:readline/promises');
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const gone = new Promise<null>((resolve) => {
    reader.once('close', () => resolve(null));
    reader.once('SIGINT', () => resolve(null));
  });
  try {
    const answer = await Promise.race([reader.question(question), gone]);
    return answer === null ? null : answer.trim();
  } finally {
    reader.close();
  }
}
