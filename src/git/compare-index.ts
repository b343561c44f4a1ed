import { type RawPath, splitRecords } from './raw-path.ts';
import type { RunInWorkTree } from './work-tree-listing.ts';

/** A path at which the index differs from a tree. */
export interface Change {
  readonly path: RawPath;
  /** Is it a submodule in the index? */
  readonly submodule: boolean;
}

/** Every index can be compared with this tree, which Git knows without having it. */
export const emptyTree = {
  sha1: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  sha256: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
};

/** Where the index differs from a commit or a tree. A renamed file differs at both paths. */
export async function compareIndex(run: RunInWorkTree, before: string): Promise<Change[]> {
  const args = ['diff-index', '--cached', '--raw', '-z', '--no-renames', '--ignore-submodules=none', before];
  const records = splitRecords((await run(args)).stdout);
  const changes: Change[] = [];
  // `:100644 160000 <id> <id> T`, then the path.
  for (let at = 0; at < records.length; at += 2) {
    changes.push({
      path: records[at + 1] as RawPath,
      submodule: (records[at] as string).startsWith('160000', 8),
    });
  }
  return changes;
}
