import { lstatSync, type Stats } from 'node:fs';
import { locate, type RawPath } from './raw-path.ts';

/** What stands at a path, links not followed; null if nothing can be seen there: it has gone, or its folder is a file by now. */
export function fileAt(workTree: string, path: RawPath): Stats | null {
  try {
    return lstatSync(locate(workTree, path));
  } catch {
    return null;
  }
}

/** Those of the paths that lead through a symbolic link: what is there is not of this work tree. */
export function beyondLinks(workTree: string, paths: readonly RawPath[]): RawPath[] {
  const known = new Map<RawPath, boolean>();
  const isBeyond = (path: RawPath): boolean => {
    const slash = path.lastIndexOf('/');
    if (slash < 0) return false;
    const folder = path.slice(0, slash);
    const isKnown = known.get(folder);
    if (isKnown !== undefined) return isKnown;
    const beyond = isBeyond(folder) || fileAt(workTree, folder)?.isSymbolicLink() === true;
    known.set(folder, beyond);
    return beyond;
  };
  return paths.filter(isBeyond);
}
