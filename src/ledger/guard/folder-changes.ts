import { type Entry, type PushedObjects, refuse } from './objects.ts';

export interface FileChange {
  /** `<folder>/<file>`. */
  readonly path: string;
  readonly id: string;
  readonly isNew: boolean;
}

/**
 * The files that are new, or others than before, in the folders of a tree. Nothing that was there may be gone, and
 * nothing but plain files may be in the folders. Folders that have stayed the same are not even read.
 * @param what what is said of the tree
 * @throws `refused-by-guard`
 */
export async function changesIn(
  objects: PushedObjects,
  what: string,
  before: string | undefined,
  after: string | undefined,
): Promise<FileChange[]> {
  if (before === after) return [];
  if (after === undefined) refuse(`a part of ${what} is gone`);
  const read = async (id: string | undefined): Promise<Map<string, Entry>> =>
    id === undefined ? new Map() : objects.tree(id);
  const [old, next] = [await read(before), await read(after)];
  const compare = async (was: ReadonlyMap<string, Entry>, is: ReadonlyMap<string, Entry>, kind: string) => {
    for (const name of was.keys()) if (!is.has(name)) refuse(`a part of ${what} is gone`);
    for (const [name, entry] of is)
      if (entry.kind !== kind) refuse(`${JSON.stringify(name.slice(0, 80))} in ${what} is no plain ${kind}`);
    return [...is].filter(([name, { id }]) => was.get(name)?.id !== id);
  };
  const changes: FileChange[] = [];
  for (const [folder, { id }] of await compare(old, next, 'folder')) {
    const files = await read(old.get(folder)?.id);
    for (const [file, entry] of await compare(files, await objects.tree(id), 'file'))
      changes.push({ path: `${folder}/${file}`, id: entry.id, isNew: !files.has(file) });
  }
  return changes;
}
