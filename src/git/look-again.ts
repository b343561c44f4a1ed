import { fileAt } from './file-at.ts';
import { joinRecords, type RawPath } from './raw-path.ts';
import type { RunInWorkTree, WorkTreeListing } from './work-tree-listing.ts';

/**
 * Clears the bits of entries that Git was told not to look at (`git update-index --assume-unchanged`,
 * `--skip-worktree`), so that their files are seen as they are. What a sparse checkout left out stays as in the index.
 * @returns the entries whose files are to be looked at
 */
export async function lookAgain(
  run: RunInWorkTree,
  workTree: string,
  listing: Pick<WorkTreeListing, 'assumedUnchanged' | 'skipWorktree'>,
): Promise<RawPath[]> {
  const clear = async (option: string, paths: readonly string[]) => {
    if (paths.length > 0) await run(['update-index', option, '-z', '--stdin'], joinRecords(paths));
  };
  await clear('--no-assume-unchanged', listing.assumedUnchanged);
  if (listing.skipWorktree.length === 0) return [...listing.assumedUnchanged];
  const sparse = await run(['config', '--type=bool', '--default=false', '--get', 'core.sparseCheckout']);
  const present = (path: RawPath) => fileAt(workTree, path) !== null;
  const isSparse = sparse.stdout.toString().trim() === 'true';
  const skipped = isSparse ? listing.skipWorktree.filter(present) : listing.skipWorktree;
  await clear('--no-skip-worktree', skipped);
  return [...listing.assumedUnchanged, ...skipped];
}
