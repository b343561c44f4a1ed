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
