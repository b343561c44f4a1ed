import { DstackError } from '../errors.ts';
import type { Ledger } from './ledger.ts';

/** The error for a ref where there must be a folder of them: Git can have one or the other. */
export function inTheWay(where: string, ref: string): DstackError {
  if (ref.startsWith('refs/heads/')) {
    const branch = ref.slice('refs/heads/'.length);
    return new DstackError(
      'ref-in-the-way',
      `${where} has a branch named ${branch}, where dstack's refs would lie`,
      {
        hint: `it is left alone: rename it there, or give dstack another place with \`refPrefix\` in .dstackrc`,
      },
    );
  }
  return new DstackError(
    ref.startsWith('refs/notes/') ? 'notes-ref-in-the-way' : 'ref-in-the-way',
    `${where} has a ref named ${ref}, where ${ref.startsWith('refs/notes/') ? 'the logs' : "dstack's refs"} would lie`,
    { hint: `rename it there: git update-ref ${ref}-old ${ref} && git update-ref -d ${ref}` },
  );
}

/** A ref of the shared repository where there must be a folder of them, or null. */
export async function findInTheWay({ shared, names }: Ledger): Promise<string | null> {
  // Below `refs/heads`: the prefix, and every folder above it.
  const folders = names.prefix.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
  const candidates = [...new Set([...folders.slice(1), names.notes])];
  return [...(await shared.tips(candidates)).keys()][0] ?? null;
}
