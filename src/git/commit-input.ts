import { isObjectId } from './repository.ts';

/** Who made a commit, and when (milliseconds since 1970). */
export interface Signature {
  readonly name: string;
  readonly email: string;
  readonly time: number;
}

export interface CommitInput {
  readonly parents: readonly string[];
  /** Start from this tree; otherwise from an empty one. */
  readonly baseTree?: string | null;
  /** Added or replaced. `content` writes a blob, `id` names an existing object (mode `040000` for a tree). */
  readonly files: readonly ({ path: string } & (
    | { content: string | Uint8Array }
    | { id: string; mode?: string }
  ))[];
  readonly message: string;
  readonly author: Signature;
}

/** What commits build on; a parent may also be another one of the same call. */
export function neededBy(commits: readonly CommitInput[]): Set<string> {
  const ids = commits.flatMap(({ parents, baseTree, files }) => [
    ...parents,
    ...(baseTree ? [baseTree] : []),
    ...files.flatMap((file) => ('id' in file ? [file.id] : [])),
  ]);
  return new Set(ids.filter(isObjectId));
}
