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

/**
 * Those of the paths that lead through a symbolic link, each with the first one on its way: what is there is not of this
 * work tree.
 */
export function beyondLinks(workTree: string, paths: readonly RawPath[]): Map<RawPath, RawPath> {
  const known = new Map<RawPath, RawPath | null>();
  const linkBefore = (path: RawPath): RawPath | null => {
    const slash = path.lastIndexOf('/');
    if (slash < 0) return null;
    const folder = path.slice(0, slash);
    let link = known.get(folder);
    if (link === undefined) {
      link = linkBefore(folder) ?? (fileAt(workTree, folder)?.isSymbolicLink() ? folder : null);
      known.set(folder, link);
    }
    return link;
  };
  const found = new Map<RawPath, RawPath>();
  for (const path of paths) {
    const link = linkBefore(path);
    if (link !== null) found.set(path, link);
  }
  return found;
}
