import type { ParsedCommit } from '../git/object-reader.ts';
import type { CommitInput } from '../git/write-commits.ts';
import { formatVersion } from './formats.ts';

/**
 * On a host that refuses that a ref's commit is replaced by one that isn't built on it, or that a ref is deleted, a
 * stand-in goes on top of what is there: a commit that says what the ref holds now, another commit (its last parent) or
 * nothing any more.
 */
const pattern =
  /^holds ([0-9a-f]+|nothing any more)\n\nDstack-Format: (\d+)\nDstack-Holds: ([0-9a-f]+|nothing)\n$/;

/**
 * @param above what it is put on top of; null where that may be replaced
 * @param held what the ref is to hold, with its tree, so that the branch looks like it; null: nothing
 * @param time milliseconds since 1970; the same stand-in made twice is one object
 */
export function standIn(
  above: string | null,
  held: { commit: string; tree: string } | null,
  time: number,
): CommitInput {
  return {
    parents: [above, held?.commit ?? null].filter((parent) => parent !== null),
    baseTree: held?.tree ?? null,
    files: [],
    message: `holds ${held?.commit ?? 'nothing any more'}\n\nDstack-Format: ${formatVersion}\nDstack-Holds: ${held?.commit ?? 'nothing'}\n`,
    author: { name: 'dstack', email: 'dstack@localhost', time },
  };
}

/** What a ref with this commit as its tip holds: the commit itself, or what it is a stand-in for. */
export function heldBy(id: string, commit: Pick<ParsedCommit, 'message' | 'parents'>): string | null {
  const match = pattern.exec(commit.message);
  if (!match || Number(match[2]) !== formatVersion) return id;
  if (match[3] === 'nothing') return null;
  return match[3] === commit.parents.at(-1) ? (match[3] as string) : id;
}
