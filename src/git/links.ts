import { readlinkSync } from 'node:fs';
import path from 'node:path';
import { fileAt } from './file-at.ts';
import { decodePath, joinRecords, locate, type RawPath, splitRecords } from './raw-path.ts';
import type { RunInWorkTree } from './work-tree-listing.ts';

/**
 * Where a link has taken the place of a folder, what lies beyond it is not of this work tree: takes the folder's entries out of
 * the index, and the paths out of those to be recorded, for Git would rather stop than do either.
 * @param changed what is to be recorded; loses what lies beyond a link
 * @returns links that are not to be recorded themselves
 */
export async function leaveOutBeyondLinks(
  run: RunInWorkTree,
  workTree: string,
  changed: Set<RawPath>,
): Promise<RawPath[]> {
  const found = beyondLinks(workTree, changed);
  if (found.size === 0) return [];
  const links = [...new Set(found.values())];
  // What looks the same there is in none of the listings.
  const listing = await run(['--literal-pathspecs', 'ls-files', '-z', '--', ...links.map(decodePath)]);
  const entries = new Set([...found.keys(), ...splitRecords(listing.stdout)]);
  await run(['update-index', '--force-remove', '-z', '--stdin'], joinRecords([...entries]));
  for (const entry of entries) changed.delete(entry);
  return links.filter((link) => !changed.has(link));
}

/** Those of the paths that lead through a link, each with the first one on its way. */
function beyondLinks(workTree: string, paths: Iterable<RawPath>): Map<RawPath, RawPath> {
  const known = new Map<RawPath, RawPath | null>();
  const linkBefore = (inside: RawPath): RawPath | null => {
    const slash = inside.lastIndexOf('/');
    if (slash < 0) return null;
    const folder = inside.slice(0, slash);
    let link = known.get(folder);
    if (link === undefined) {
      link = linkBefore(folder) ?? (fileAt(workTree, folder)?.isSymbolicLink() ? folder : null);
      known.set(folder, link);
    }
    return link;
  };
  const found = new Map<RawPath, RawPath>();
  for (const inside of paths) {
    const link = linkBefore(inside);
    if (link !== null) found.set(inside, link);
  }
  return found;
}

/** Those of the paths that are links to somewhere else than the work tree, with where they lead. */
export function linksOut(workTree: string, paths: Iterable<RawPath>): { link: RawPath; target: RawPath }[] {
  return [...paths].flatMap((link) => {
    // An exception for each ordinary file would take longer than all else that is done with it.
    if (!fileAt(workTree, link)?.isSymbolicLink()) return [];
    const target = targetOf(workTree, link);
    if (target === null) return [];
    const inside = path.posix.normalize(path.posix.join(path.posix.dirname(link), target));
    const leadsOut = path.posix.isAbsolute(target) || inside === '..' || inside.startsWith('../');
    return leadsOut ? [{ link, target }] : [];
  });
}

/** Null if the link has gone. */
function targetOf(workTree: string, path: RawPath): RawPath | null {
  try {
    return readlinkSync(locate(workTree, path), 'latin1');
  } catch {
    return null;
  }
}
