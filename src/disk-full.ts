import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DstackError } from './errors.ts';
import { plainText } from './terminal-text.ts';

/** Below this many bytes a disk is full to whoever wants to write more than a few names. */
const nothingToSpeakOf = 64 << 10;

/** What the system, and Git, say of a disk without room, or of a user who has used up his share. */
export function saysDiskFull(words: string): boolean {
  return /No space left on device|ENOSPC|EDQUOT|Out of diskspace|Disk quota exceeded/i.test(words);
}

/** The error for a folder whose disk is full. */
export function diskFull(folder: string, cause?: unknown): DstackError {
  return new DstackError('disk-full', `disk full: there is no room left in ${plainText(folder)}`, {
    hint: 'make room on that disk and try again',
    cause,
  });
}

/**
 * Whether there is less room in a folder (or, where that is not there, in the one above) than is needed. For failures
 * of which Git doesn't say why: "unable to write file", "couldn't write '….lock'".
 */
export async function lacksRoom(folder: string, needed = 0): Promise<boolean> {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(folder);
    return bavail * bsize < Math.max(needed, nothingToSpeakOf) || (files > 0 && ffree === 0);
  } catch (error) {
    const above = dirname(folder);
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && above !== folder && lacksRoom(above, needed);
  }
}
