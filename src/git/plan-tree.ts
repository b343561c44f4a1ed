import { type EncodedObject, encodeObject, treeContent } from './encode-object.ts';
import { parseTree, type TreeEntry } from './object-reader.ts';
import type { Repository } from './repository.ts';

const treeMode = '40000';

/** A folder of a tree that is being made: what is put into it goes over what it was. */
interface Folder {
  /** The tree it was; undefined: whatever the folder above it had by this name. */
  readonly base: string | null | undefined;
  readonly changes: Map<string, { mode: string; id: string } | Folder>;
}

/** A tree, and what is put into it, in order. `path` is relative, with slashes. */
export interface TreePlan {
  readonly base: string | null;
  readonly files: readonly { path: string; mode: string; id: string }[];
}

/**
 * Makes the tree that a plan describes, with all the trees in it that change.
 * @param readTree the content of a tree that is there already
 * @returns its id; what has to be written goes to `write`
 */
export async function makeTree(
  plan: TreePlan,
  objectFormat: Repository['objectFormat'],
  readTree: (id: string) => Promise<Buffer>,
  write: (tree: EncodedObject) => void,
): Promise<string> {
  const idBytes = objectFormat === 'sha1' ? 20 : 32;

  const makeFolder = async (folder: Folder, before: string | null): Promise<string> => {
    const base = folder.base === undefined ? before : folder.base;
    const entries = new Map<string, TreeEntry>();
    if (base !== null) {
      for (const entry of parseTree(await readTree(base), idBytes)) entries.set(entry.name, entry);
    }
    for (const [name, change] of folder.changes) {
      if ('id' in change) {
        entries.set(name, { name, ...change });
        continue;
      }
      const there = entries.get(name);
      const id = await makeFolder(change, there?.mode === treeMode ? there.id : null);
      entries.set(name, { name, mode: treeMode, id });
    }
    const tree = encodeObject('tree', treeContent(entries.values()), objectFormat);
    write(tree);
    return tree.id;
  };

  return makeFolder(planFolder(plan), null);
}

function planFolder({ base, files }: TreePlan): Folder {
  const root: Folder = { base, changes: new Map() };
  for (const { path, mode, id } of files) {
    const names = path.split('/');
    if (names.some((name) => ['', '.', '..', '.git'].includes(name) || name.includes('\0')))
      throw new Error(`not a path in a tree: ${path}`);
    let folder = root;
    for (const name of names.slice(0, -1)) folder = folderIn(folder, name);
    folder.changes.set(names.at(-1) as string, { mode: mode.replace(/^0+/, ''), id });
  }
  return root;
}

function folderIn({ changes }: Folder, name: string): Folder {
  const there = changes.get(name);
  if (there && !('id' in there)) return there;
  const base = there === undefined ? undefined : there.mode === treeMode ? there.id : null;
  const folder: Folder = { base, changes: new Map() };
  changes.set(name, folder);
  return folder;
}
