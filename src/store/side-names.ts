import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';

/** In a store, beside `sha256/`: what is about to be removed, and small files. */
export const retiredFolder = 'retired';
export const notesFolder = 'notes';

/** The name of a batch or a note, which becomes a file's. Throws `bad-name`. */
export function sideName(name: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,99}$/.test(name)) return name;
  throw new DstackError('bad-name', `no name for something in a store: ${plainText(name)}`, {
    hint: 'it was not put there by dstack: move it out of the store',
  });
}

export function isSideName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,99}$/.test(name);
}

/** Bytes of a note; longer ones are not read. */
export const longestNote = 16 << 20;
