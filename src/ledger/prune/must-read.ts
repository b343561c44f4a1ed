import { DstackError } from '../../errors.ts';
import { type GitObject, parseCommit, parseTree, type TreeEntry } from '../../git/object-reader.ts';
import type { Ledger } from '../ledger.ts';

/**
 * Reading for who decides what nobody needs: what can't be read might need anything, so it stops him, where others pass
 * over it.
 */
export async function mustRead(
  { shared }: Ledger,
  name: string,
  type: GitObject['type'],
): Promise<GitObject> {
  const object = await shared.read(name);
  if (object?.type === type) return object;
  throw unreadable(shared.location, name, object ? `it is no ${type}` : 'it is missing');
}

/** The entries of a commit's tree, or of a tree, by their names. */
export async function mustList(ledger: Ledger, id: string): Promise<Map<string, TreeEntry>> {
  const object = await ledger.shared.read(id);
  const tree =
    object?.type === 'commit'
      ? await mustRead(ledger, parseCommit(object.content).tree, 'tree')
      : await mustRead(ledger, id, 'tree');
  const idBytes = ledger.shared.local.objectFormat === 'sha256' ? 32 : 20;
  return new Map(parseTree(tree.content, idBytes).map((entry) => [entry.name, entry]));
}

/** Words for what stops. */
export async function orStop<T>({ shared }: Ledger, what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DstackError && ['unreadable', 'unreachable', 'busy'].includes(error.code))
      throw error;
    throw unreadable(shared.location, what, (error as Error).message, error);
  }
}

export function unreadable(location: string, what: string, why: string, cause?: unknown): DstackError {
  const hint = (cause instanceof DstackError && cause.hint) || undefined;
  return new DstackError('unreadable', `${what} in ${location} can't be read: ${why}`, {
    hint: hint ?? '`git fsck` there says what is damaged; nothing is removed as long as that is so',
    cause,
  });
}
