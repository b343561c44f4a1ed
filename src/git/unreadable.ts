import { lstatSync } from 'node:fs';
import { DstackError } from '../errors.ts';
import { locate, type RawPath, showPaths } from './raw-path.ts';

/** How Git says that it may not read something; except in the second case it goes on without it. */
const complaints = [
  /^warning: could not open directory '(.+?)\/?': Permission denied$/gms,
  /^error: (?:open|lstat)\("(.+?)"\): Permission denied$/gms,
  /^warning: unable to access '(.*\.gitignore)': Permission denied$/gm,
];

/** The files and folders that Git, by its words on stderr, had no permission to read. */
export function unreadableIn(workTree: string, stderr: string): RawPath[] {
  const named = complaints.flatMap((complaint) => capture(stderr, complaint));
  // A bare `path: Permission denied` may be a filter's words about anything.
  const bare = capture(stderr, /^(.+): Permission denied$/gm).filter((path) => isClosed(workTree, path));
  return [...new Set([...named, ...bare])];
}

function capture(text: string, pattern: RegExp): RawPath[] {
  return [...text.matchAll(pattern)].map((match) => Buffer.from(match[1] as string).toString('latin1'));
}

function isClosed(workTree: string, path: RawPath): boolean {
  try {
    lstatSync(locate(workTree, path));
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

/** The error for files and folders that cannot be recorded because they cannot be read. */
export function unreadableFiles(paths: readonly RawPath[]): DstackError {
  return new DstackError(
    'unreadable-files',
    `these can't be read:${showPaths(paths.map((path) => ({ path })))}`,
    {
      hint: 'make them readable with chmod, or, if untracked, ignore them in .gitignore or .dstackignore',
    },
  );
}
