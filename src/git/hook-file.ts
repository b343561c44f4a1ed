import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DstackError } from '../errors.ts';
import type { Repository } from './repository.ts';
import { git } from './run-git.ts';

export interface HookFile {
  /** `post-receive` */
  readonly name: string;
  /** The script to install. */
  readonly source: string;
  /** A line by which an installed copy is known. */
  readonly mark: string;
  /** What a hook that was there before is renamed to; the script runs it. */
  readonly earlier: string;
}

/** Where the repository's hooks are, `core.hooksPath` included. */
async function hookFolder(repository: Repository): Promise<string> {
  const options = { gitDir: repository.gitDir, cwd: repository.gitDir };
  return git(['rev-parse', '--path-format=absolute', '--git-path', 'hooks'], options);
}

async function isOurs(path: string, hook: Pick<HookFile, 'mark'>): Promise<boolean> {
  return existsSync(path) && (await readFile(path, 'utf8')).includes(hook.mark);
}

/**
 * Installs a hook; one that is there already goes on working behind it. Installing again renews it.
 * @returns what happened to an earlier hook
 * @throws DstackError `hook-in-the-way`
 */
export async function installHookFile(
  repository: Repository,
  hook: HookFile,
): Promise<'installed' | 'renewed' | 'chained'> {
  const folder = await hookFolder(repository);
  await mkdir(folder, { recursive: true });
  const path = join(folder, hook.name);
  const earlier = join(folder, hook.earlier);
  let result: 'installed' | 'renewed' | 'chained' = 'installed';
  if (await isOurs(path, hook)) {
    result = 'renewed';
  } else if (existsSync(path)) {
    if (existsSync(earlier)) {
      throw new DstackError('hook-in-the-way', `both ${path} and ${earlier} are there`, {
        hint: 'join them into the second, remove the first, and try again',
      });
    }
    await rename(path, earlier);
    result = 'chained';
  }
  const temporary = `${path}.${process.pid}`;
  await copyFile(hook.source, temporary);
  await chmod(temporary, 0o755);
  await rename(temporary, path);
  return result;
}

/** Is this very hook installed there? */
export async function isHookInstalled(repository: Repository, hook: HookFile): Promise<boolean> {
  return isOurs(join(await hookFolder(repository), hook.name), hook);
}

/** Removes an installed hook and puts back the one that was there before. */
export async function uninstallHookFile(
  repository: Repository,
  hook: HookFile,
): Promise<'removed' | 'restored' | 'absent'> {
  const folder = await hookFolder(repository);
  const path = join(folder, hook.name);
  const earlier = join(folder, hook.earlier);
  if (!(await isOurs(path, hook))) return 'absent';
  if (existsSync(earlier)) {
    await rename(earlier, path);
    return 'restored';
  }
  await rm(path);
  return 'removed';
}
