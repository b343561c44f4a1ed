import { DstackError } from '../errors.ts';
import { hasColour, paint } from './terminal.ts';

/** One thing that a runner needs, and whether it is there. */
export interface Check {
  what: string;
  /** Null: not needed here. */
  ok: boolean | null;
  detail: string;
  remedy?: string | undefined;
}

/** What it says is the detail; what goes wrong, the fault and its remedy. */
export async function attempt(what: string, act: () => Promise<string>): Promise<Check> {
  try {
    return { what, ok: true, detail: await act() };
  } catch (error) {
    const hint = error instanceof DstackError ? error.hint : undefined;
    return { what, ok: false, detail: (error as Error).message, remedy: hint };
  }
}

/** A check as a line for people, with what to do below it. */
export function checkLine({ what, ok, detail, remedy }: Check): string {
  const mark = ok === null ? '-' : ok ? 'ok' : 'NO';
  const coloured =
    hasColour(process.stdout) && ok !== null ? paint(ok ? 'green' : 'red', mark.padEnd(2)) : mark.padEnd(2);
  return `${coloured}  ${what.padEnd(10)}  ${detail}${ok !== true && remedy ? `\n                ${remedy}` : ''}\n`;
}
