import { chmod, lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A folder's content: path → what is there. A text is a file; `x:` before it an executable one; `->` a link; `/` an empty folder. */
export type Tree = Record<string, string>;

export async function writeTree(root: string, tree: Tree): Promise<void> {
  for (const [path, what] of Object.entries(tree)) {
    const absolute = join(root, path);
    await mkdir(what === '/' ? absolute : dirname(absolute), { recursive: true });
    if (what.startsWith('->')) await symlink(what.slice(2), absolute);
    else if (what !== '/') await writeFile(absolute, what);
    if (what.startsWith('x:')) await chmod(absolute, 0o755);
  }
}

export async function readTree(root: string, below = ''): Promise<Tree> {
  const tree: Tree = {};
  const names = (await readdir(join(root, below))).sort();
  if (names.length === 0 && below !== '') tree[below] = '/';
  for (const name of names) {
    const path = below === '' ? name : `${below}/${name}`;
    const stats = await lstat(join(root, path));
    if (stats.isDirectory()) Object.assign(tree, await readTree(root, path));
    else if (stats.isSymbolicLink()) tree[path] = `->${await readlink(join(root, path))}`;
    else if (stats.isFile()) {
      const text = await readFile(join(root, path), 'utf8');
      const executable = (stats.mode & 0o111) !== 0;
      // The mark of an executable is part of its text, so that a lost bit shows.
      tree[path] = executable === text.startsWith('x:') ? text : `${text} (mode ${stats.mode.toString(8)})`;
    } else tree[path] = 'special';
  }
  return tree;
}
