import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import bytes from 'bytes';
import picomatch from 'picomatch';
import { DstackError } from '../errors.ts';
import { decodePath, locate, type RawPath, showPath, showPaths } from './raw-path.ts';
import { secretByContent, secretByName } from './secret-files.ts';
import { unreadableFiles } from './unreadable.ts';

/** A file of more bytes than this is taken into a repository only on demand. */
const LARGE = 50 * 1024 * 1024;
/** Only files up to this many bytes are searched for secrets. */
const SEARCHED = 1024 * 1024;

export interface UntrackedOptions {
  /** Take files over 50 MB too. */
  allowLarge?: boolean | undefined;
  /** Paths or globs, from the top of the work tree, of files that look like secrets and may be taken. */
  allowSecrets?: readonly string[] | undefined;
}

/**
 * Looks at files that have never been in the repository before they get there for good.
 * @throws DstackError `unreadable-files`, `large-files`, `secret-files`, each naming all such files
 */
export function inspectUntracked(
  workTree: string,
  paths: readonly RawPath[],
  options: UntrackedOptions,
): void {
  const allowed = options.allowSecrets?.map((pattern) => pattern.replace(/^(\.\/)+/, '')) ?? [];
  const isAllowed = picomatch(allowed, { dot: true });
  const unreadable: RawPath[] = [];
  const large: { path: RawPath; remark: string }[] = [];
  const secret: { path: RawPath; remark: string }[] = [];
  for (const path of paths) {
    const file = look(workTree, path);
    if (file === 'gone') continue;
    if (file === 'unreadable') {
      unreadable.push(path);
      continue;
    }
    if (file.size > LARGE) large.push({ path, remark: bytes.format(file.size) ?? '' });
    const text = decodePath(path);
    const kind = file.size > 0 && (secretByName(text) ?? secretByContent(text, file.text));
    if (kind && !allowed.includes(text) && !isAllowed(text)) secret.push({ path, remark: kind });
  }
  if (unreadable.length > 0) throw unreadableFiles(unreadable);
  if (large.length > 0 && !options.allowLarge) throw largeFiles(large);
  if (secret.length > 0) throw secretFiles(secret);
}

/** The text is empty where there is nothing to search: in links, large and binary files. */
function look(workTree: string, path: RawPath): { size: number; text: string } | 'gone' | 'unreadable' {
  const location = locate(workTree, path);
  try {
    const entry = lstatSync(location);
    if (!entry.isFile()) return { size: 0, text: '' };
    // The file may be replaced at any time: never follow a link, never wait for the writer of a pipe.
    const file = openSync(location, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size } = fstatSync(file);
      if (size === 0 || size > SEARCHED) return { size, text: '' };
      const content = readFileSync(file);
      const binary = content.subarray(0, 8_000).includes(0);
      return { size, text: binary ? '' : content.toString('latin1') };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return 'unreadable';
    // Removed, or replaced by something else, since it was listed.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'EISDIR') return 'gone';
    throw error;
  }
}

function largeFiles(large: readonly { path: RawPath; remark: string }[]): DstackError {
  return new DstackError('large-files', `untracked, and over ${bytes.format(LARGE)}:${showPaths(large)}`, {
    hint: 'ignore them in .gitignore or .dstackignore, or take them into the repository with --allow-large',
  });
}

function secretFiles(secret: readonly { path: RawPath; remark: string }[]): DstackError {
  const path = secret.length === 1 && secret[0] ? showPath(secret[0].path) : 'PATH';
  const allow = /^[\w./@+-]+$/.test(path) ? path : JSON.stringify(path);
  return new DstackError('secret-files', `untracked, and looks like a secret:${showPaths(secret)}`, {
    hint: `ignore it in .gitignore or .dstackignore, or allow it with --allow-secret ${allow}`,
  });
}
