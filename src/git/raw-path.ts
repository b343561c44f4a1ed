import { plainText } from '../terminal-text.ts';

/**
 * A path as Git gives it, relative to the top of the work tree, one character per byte: names that are not
 * UTF-8 survive the way from Git to the file system and back.
 */
export type RawPath = string;

/** The records of a NUL-separated (`-z`) output. */
export function splitRecords(output: Buffer): RawPath[] {
  return output.toString('latin1').split('\0').slice(0, -1);
}

/** The opposite of {@link splitRecords}: input for `-z --stdin`. */
export function joinRecords(paths: readonly RawPath[]): Buffer {
  return Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1');
}

/** Where the file lies, for Node's file system functions. */
export function locate(folder: string, path: RawPath): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(path, 'latin1')]);
}

/** The path as text. */
export function decodePath(path: RawPath): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

/** The path for a message. */
export function showPath(path: RawPath): string {
  return plainText(decodePath(path));
}

/** Paths for a message: one in the line, several below it, each with its remark if there is one. */
export function showPaths(entries: readonly { path: RawPath; remark?: string }[]): string {
  const lines = entries.map(({ path, remark }) => showPath(path) + (remark ? ` (${remark})` : ''));
  return lines.length === 1 ? ` ${lines[0]}` : lines.map((line) => `\n  ${line}`).join('');
}
