import { DstackError } from '../errors.ts';
import type { CommitInput } from './commit-input.ts';
import { commitContent, type EncodedObject, encodeObject } from './encode-object.ts';
import type { GitObject, ObjectReader } from './object-reader.ts';
import { makeTree } from './plan-tree.ts';
import { isObjectId, type Repository } from './repository.ts';

/** Commits as objects, with all that is new beneath them. */
export interface EncodedCommits {
  readonly ids: string[];
  readonly blobs: readonly EncodedObject[];
  /** Each after those in it. */
  readonly trees: readonly EncodedObject[];
  /** Each after its parents. */
  readonly tips: readonly EncodedObject[];
}

/**
 * Makes commits with their trees and blobs.
 * @param reader reads what they build on
 * @throws DstackError `git-failed` if that is missing
 */
export async function encodeCommits(
  { objectFormat }: Pick<Repository, 'objectFormat'>,
  commits: readonly CommitInput[],
  reader: Pick<ObjectReader, 'read'>,
): Promise<EncodedCommits> {
  const blobs = new Map<string, EncodedObject>();
  const encoded = new Map<string | Uint8Array, EncodedObject>();
  const trees = new Map<string, EncodedObject>();
  const existing = async (id: string, ...types: GitObject['type'][]): Promise<Buffer> => {
    const object = await reader.read(id);
    if (object && (types.length === 0 || types.includes(object.type))) return object.content;
    throw new DstackError('git-failed', `missing ${types[0] ?? 'object'} ${id}`, {
      hint: '`git fsck` there tells what else is missing; `dstack sync` fetches what the shared repository has',
    });
  };
  const ids: string[] = [];
  const tips: EncodedObject[] = [];
  for (const { parents, baseTree = null, files, message, author } of commits) {
    const entries = files.map(async (file) => {
      if ('id' in file) {
        const mode = file.mode ?? '100644';
        if (mode !== '160000') await existing(file.id);
        return { path: file.path, mode, id: file.id };
      }
      const blob = encoded.get(file.content) ?? encodeObject('blob', file.content, objectFormat);
      encoded.set(file.content, blob);
      blobs.set(blob.id, blob);
      return { path: file.path, mode: '100644', id: blob.id };
    });
    const plan = { base: baseTree, files: await Promise.all(entries) };
    const tree = await makeTree(
      plan,
      objectFormat,
      (id) => existing(id, 'tree'),
      (made) => trees.set(made.id, made),
    );
    const above = parents.map((parent) =>
      parent.startsWith(':') ? ids[Number(parent.slice(1)) - 1] : parent,
    );
    if (above.includes(undefined)) throw new Error(`no such commit before it: ${parents.join(' ')}`);
    const others = parents.filter((parent) => !parent.startsWith(':'));
    await Promise.all(others.map((parent) => existing(parent, 'commit')));
    const text = commitContent({ tree, parents: above as string[], author, message });
    const commit = encodeObject('commit', text, objectFormat);
    ids.push(commit.id);
    tips.push(commit);
  }
  return { ids, blobs: [...blobs.values()], trees: [...trees.values()], tips };
}

/** @throws Error for a parent that is neither an id nor a commit of the same call */
export function checkParents(commits: readonly CommitInput[]): void {
  for (const parent of commits.flatMap(({ parents }) => parents)) {
    if (!/^:\d+$/.test(parent) && !isObjectId(parent)) throw new Error(`not a commit: ${parent}`);
  }
}
