import { createHash } from 'node:crypto';
import { type GitObject, parseTree } from '../../../src/git/object-reader.ts';
import type { CommitInput } from '../../../src/git/write-commits.ts';

/** Git's objects in memory, in Git's own encoding, so that the code under test parses what it would parse on disk. */
export interface MemoryObjects {
  write(commits: readonly CommitInput[]): string[];
  /** `<id>` or `<id>:<path>` */
  read(name: string): GitObject | null;
  /** The contents of all files below a folder, by name. */
  blobs(name: string): Buffer[];
  /** What a commit stands for by what it says: another, nothing, or itself. */
  standsFor(commit: string): string | null;
  /** Is one commit an ancestor of another? */
  isBuiltOn(commit: string, ancestor: string): boolean;
}

type Tree = Map<string, { mode: string; id: string }>;
type ReadonlyTree = ReadonlyMap<string, { mode: string; id: string }>;

export function createMemoryObjects(): MemoryObjects {
  const objects = new Map<string, GitObject>();
  const trees = new Map<string, ReadonlyTree>();

  const put = (type: GitObject['type'], content: Buffer): string => {
    const id = createHash('sha1').update(`${type} ${content.length}\0`).update(content).digest('hex');
    if (!objects.has(id)) objects.set(id, { id, type, content });
    return id;
  };
  const readTree = (id: string): ReadonlyTree => {
    const known = trees.get(id);
    if (known) return known;
    const entries = parseTree(objects.get(id)?.content ?? Buffer.alloc(0), 20);
    const tree = new Map(entries.map(({ name, mode, id }) => [name, { mode, id }]));
    trees.set(id, tree);
    return tree;
  };
  const writeTree = (tree: Tree): string => {
    const entries = [...tree].sort(([a, x], [b, y]) => (sortKey(a, x.mode) < sortKey(b, y.mode) ? -1 : 1));
    return put(
      'tree',
      Buffer.concat(
        entries.flatMap(([name, { mode, id }]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]),
      ),
    );
  };
  const insert = (tree: Tree, path: readonly string[], leaf: { mode: string; id: string }): void => {
    const [name = '', ...rest] = path;
    if (rest.length === 0) {
      tree.set(name, leaf);
      return;
    }
    const below = new Map(tree.get(name)?.mode === '40000' ? readTree(tree.get(name)?.id as string) : []);
    insert(below, rest, leaf);
    tree.set(name, { mode: '40000', id: writeTree(below) });
  };
  const resolvePath = (id: string, path: string): GitObject | null => {
    let object = objects.get(id) ?? null;
    if (object?.type === 'commit') object = objects.get(treeOf(object.content)) ?? null;
    for (const name of path.split('/')) {
      const entry = object?.type === 'tree' ? readTree(object.id).get(name) : undefined;
      if (!entry) return null;
      object = objects.get(entry.id) ?? null;
    }
    return object;
  };

  const read = (name: string): GitObject | null => {
    const colon = name.indexOf(':');
    return colon < 0 ? (objects.get(name) ?? null) : resolvePath(name.slice(0, colon), name.slice(colon + 1));
  };
  const blobsOf = (object: GitObject | null): Buffer[] => {
    if (object?.type !== 'tree') return object ? [object.content] : [];
    return [...readTree(object.id).values()].flatMap(({ id }) => blobsOf(objects.get(id) ?? null));
  };

  const parentsOf = (id: string): string[] => {
    const [header = ''] = (objects.get(id)?.content.toString('latin1') ?? '').split('\n\n');
    return [...header.matchAll(/^parent ([0-9a-f]+)$/gm)].map(([, parent]) => parent as string);
  };

  return {
    read,
    standsFor(commit) {
      const held = /\nDstack-Holds: (\w+)\n$/.exec(objects.get(commit)?.content.toString('utf8') ?? '')?.[1];
      return held === undefined ? commit : held === 'nothing' ? null : held;
    },
    isBuiltOn(commit, ancestor) {
      const seen = new Set([commit]);
      for (const id of seen) {
        if (id === ancestor) return true;
        for (const parent of parentsOf(id)) seen.add(parent);
      }
      return false;
    },
    blobs: (name) => blobsOf(read(name)),
    write(commits) {
      const written: string[] = [];
      for (const commit of commits) {
        const tree: Tree = new Map(commit.baseTree ? readTree(commit.baseTree) : []);
        for (const file of commit.files) {
          const leaf =
            'id' in file
              ? { mode: (file.mode ?? '100644').replace(/^0/, ''), id: file.id }
              : { mode: '100644', id: put('blob', Buffer.from(file.content)) };
          insert(tree, file.path.split('/'), leaf);
        }
        const who = `${commit.author.name} <${commit.author.email}> ${Math.floor(commit.author.time / 1000)} +0000`;
        const parents = commit.parents.map((parent) =>
          parent.startsWith(':') ? (written[Number(parent.slice(1)) - 1] as string) : parent,
        );
        const lines = [
          `tree ${writeTree(tree)}`,
          ...parents.map((id) => `parent ${id}`),
          `author ${who}`,
          `committer ${who}`,
          '',
          commit.message,
        ];
        written.push(put('commit', Buffer.from(lines.join('\n'))));
      }
      return written;
    },
  };
}

/** A commit begins with the word `tree`. */
function treeOf(commit: Buffer): string {
  return commit.toString('latin1', 5, 45);
}

/** Git sorts a folder as if its name ended in a slash. */
function sortKey(name: string, mode: string): string {
  return mode === '40000' ? `${name}/` : name;
}
