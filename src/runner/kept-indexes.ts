import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type CheckOutOptions, checkOut, readIndex } from '../git/checkout.ts';
import type { Repository } from '../git/repository.ts';

/** An index of a large tree is large. */
const keptIndexes = 4;

/** Checks trees out that are checked out again and again, each from an index that is read once. */
export interface KeptIndexes {
  /** @returns false: it could not be done so, and nothing is there */
  checkOut(options: Omit<CheckOutOptions, 'indexFile'>): Promise<boolean>;
  /** Removes them all. */
  clear(): Promise<void>;
}

/** @param folder where the index files are put; what a killed process leaves there, its owner removes */
export function keepIndexes(repository: Repository, folder: string): KeptIndexes {
  /** By tree, the one that was used last at the end. */
  const files = new Map<string, Promise<string>>();
  let made = 0;

  const make = async ({ tree, env }: Pick<CheckOutOptions, 'tree' | 'env'>): Promise<string> => {
    made += 1;
    // Never a second time under one name: an index that is gone would pass for another one.
    const file = join(folder, `index-${made}`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await readIndex(repository, tree, file, env);
    return file;
  };
  const forget = async (tree: string): Promise<void> => {
    const file = files.get(tree);
    files.delete(tree);
    await file?.then((path) => rm(path, { force: true })).catch(() => {});
  };
  const indexOf = (options: Pick<CheckOutOptions, 'tree' | 'env'>): Promise<string> => {
    const { tree } = options;
    const file = files.get(tree) ?? make(options);
    files.delete(tree);
    files.set(tree, file);
    for (const old of [...files.keys()].slice(0, -keptIndexes)) void forget(old);
    return file;
  };

  return {
    async checkOut(options) {
      try {
        const indexFile = await indexOf(options);
        await checkOut(repository, { ...options, indexFile });
        // To Git an index that is gone is an empty one, of which it writes nothing.
        if (existsSync(indexFile)) return true;
      } catch {
        // Told, or mended, by who does it without.
      }
      await forget(options.tree);
      await rm(options.into, { recursive: true, force: true });
      return false;
    },
    async clear() {
      await Promise.all([...files.keys()].map(forget));
    },
  };
}
