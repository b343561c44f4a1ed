import { diskFull, lacksRoom, saysDiskFull } from '../disk-full.ts';
import { DstackError } from '../errors.ts';
import type { CommitInput, Signature } from './commit-input.ts';
import { checkParents, type EncodedCommits, encodeCommits } from './encode-commits.ts';
import { commitContent, type EncodedObject, encodeObject } from './encode-object.ts';
import { importCommits } from './import-commits.ts';
import { writeLooseObject } from './loose-objects.ts';
import { type ObjectReader, openObjectReader } from './object-reader.ts';
import type { Repository } from './repository.ts';
import { readSharedPermissions, type SharedPermissions } from './shared-permissions.ts';

export type { CommitInput, Signature } from './commit-input.ts';

/** Where there is more than this, it is written as a pack, by a process that takes its time aside. */
const looseLimit = { commits: 50, files: 500, bytes: 4 << 20 };

/** Are these so many commits or files, or so large ones, that a pack is better? */
export function isMuch(commits: readonly CommitInput[]): boolean {
  let bytes = 0;
  let written = 0;
  for (const { files } of commits) {
    for (const file of files) {
      if (!('content' in file)) continue;
      written += 1;
      bytes += file.content.length;
    }
  }
  return commits.length > looseLimit.commits || written > looseLimit.files || bytes > looseLimit.bytes;
}

/**
 * Writes commits with their trees and blobs; no ref of the repository is touched. A few are written as loose objects
 * by this process itself, many as a pack: the ids are the same.
 * A parent may be `:N`, the N-th (from 1) commit of the same call.
 * @param reader reads what they build on; opened and closed again if there is none
 * @returns the commits' ids, in order.
 * @throws DstackError `disk-full`, `git-failed`
 */
export async function writeCommits(
  repository: Repository,
  commits: readonly CommitInput[],
  reader?: Pick<ObjectReader, 'read'>,
): Promise<string[]> {
  if (commits.length === 0) return [];
  checkParents(commits);
  if (isMuch(commits)) return importCommits(repository, commits);
  const own = reader ? null : openObjectReader(repository.gitDir);
  try {
    const encoded = await encodeCommits(repository, commits, reader ?? (own as ObjectReader));
    await writeEncoded(repository, encoded);
    return encoded.ids;
  } catch (error) {
    throw await explained(error, repository);
  } finally {
    own?.close();
  }
}

/**
 * Writes a commit of a tree and with parents that are there.
 * @returns its id
 * @throws DstackError `disk-full`, `git-failed`
 */
export async function writeCommitOf(
  repository: Repository,
  commit: { tree: string; parents: readonly string[]; author: Signature; message: string },
): Promise<string> {
  const tip = encodeObject('commit', commitContent(commit), repository.objectFormat);
  await writeEncoded(repository, { ids: [tip.id], blobs: [], trees: [], tips: [tip] }).catch(
    async (error: unknown) => {
      throw await explained(error, repository);
    },
  );
  return tip.id;
}

/** Writes them as loose objects. @throws the system's error */
export async function writeEncoded(
  { objectDir, commonDir }: Repository,
  { blobs, trees, tips }: EncodedCommits,
  permissions: SharedPermissions = readSharedPermissions(commonDir),
): Promise<void> {
  const write = (object: EncodedObject) => writeLooseObject(objectDir, object, permissions);
  // What leads to others comes after them: wherever this is cut off, what is there is whole.
  await Promise.all(blobs.map(write));
  for (const object of [...trees, ...tips]) await write(object);
}

/** What a person can act on, if it is that. */
async function explained(error: unknown, { objectDir }: Repository): Promise<unknown> {
  const isSystems = error instanceof Error && 'code' in error && 'syscall' in error;
  if (!isSystems && !(error instanceof DstackError)) return error;
  if (saysDiskFull(error.message) || (isSystems && (await lacksRoom(objectDir))))
    return diskFull(objectDir, error);
  const words = `could not write objects to ${objectDir}: ${error.message}`;
  return new DstackError('git-failed', words, { cause: error, hint: 'check that this user may write there' });
}
