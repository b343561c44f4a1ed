import { closeSync, openSync } from 'node:fs';

let known: boolean | undefined;

/** Has this process a terminal, so that a program which it starts can ask for a password there? */
export function hasTerminal(): boolean {
  if (known === undefined) {
    try {
      closeSync(openSync('/dev/tty', 'r'));
      known = true;
    } catch {
      known = false;
    }
  }
  return known;
}
