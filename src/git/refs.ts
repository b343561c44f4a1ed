import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Repository } from './repository.ts';
import { git } from './run-git.ts';

/** Every ref that equals, or lies below, one of `prefixes` (no wildcards), with the id it points at. */
export async function listRefs(gitDir: string, prefixes: readonly string[]): Promise<Map<string, string>> {
  const refs = new Map<string, string>();
  if (prefixes.length === 0) return refs;
  const patterns = prefixes.map((prefix) => prefix.replace(/\/$/, ''));
  const text = await git(['for-each-ref', '--format=%(objectname) %(refname)', ...patterns], { gitDir });
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) refs.set(line.slice(space + 1), line.slice(0, space));
  }
  return refs;
}

/** Sets (`to`) or deletes (null) local refs in one transaction, without a reflog and whatever they were before. */
export async function setRefs(gitDir: string, refs: ReadonlyMap<string, string | null>): Promise<void> {
  if (refs.size === 0) return;
  const lines = [...refs].map(([ref, to]) => (to === null ? `delete ${ref}\n` : `update ${ref} ${to}\n`));
  await git(['update-ref', '--stdin'], { gitDir, input: lines.join('') });
}

/** Removes every ref below a prefix, broken ones included, of which Git itself could delete none. */
export async function forgetRefs(
  { gitDir, commonDir }: Pick<Repository, 'gitDir' | 'commonDir'>,
  prefix: string,
): Promise<void> {
  await rm(join(commonDir, prefix), { recursive: true, force: true });
  // What is left is packed.
  const names = (await git(['for-each-ref', '--format=%(refname)', prefix], { gitDir })).split('\n');
  await setRefs(gitDir, new Map(names.filter(Boolean).map((name) => [name, null])));
}
