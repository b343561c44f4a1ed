import { spawn } from 'node:child_process';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { removeEmptyFolders } from './empty-folders.ts';
import type { Repository } from './repository.ts';
import type { RepositoryConfig } from './repository-config.ts';
import { gitEnvironment } from './run-git.ts';
import { handOverTidyLock, takeTidyLock, tidyLock } from './tidy-lock.ts';

/** So many changes of refs are made between two looks. */
const every = 100;

/**
 * More loose objects than this are too many; `gc.auto` can say less. Each takes a block of the disk, which would be most
 * of what a repository takes by Git's own 6,700.
 */
const tooManyLoose = 2_000;
/**
 * As much as this of what is well packed may be beside it. Objects that are packed without a walk from refs find few others that
 * they are like, and take some five times as much.
 */
const looselyPacked = 1 / 16;
/** Git itself would make one pack of all when there are 50, whatever that costs. */
const tooManyPacks = 25;

/**
 * Packs the objects of a repository now and then, as Git does after a push into it.
 * @returns to be told how many refs were changed
 */
export function openTidyUp(
  repository: Repository,
): (changes: number, config: RepositoryConfig) => Promise<void> {
  let since = 0;
  return async (changes, config) => {
    since += changes;
    if (since < every) return;
    since = 0;
    await tidyUp(repository, config);
  };
}

/**
 * Packs the objects of a bare repository, if many are loose or in small packs, by a process that goes on by itself. What
 * that costs depends on what is new, not on what is there: packs grow by powers of two, and only once a certain part lies
 * beside the largest one all is gone through, and what no ref has led to for weeks removed.
 * Settings that keep Git from it keep this from it, too.
 */
export async function tidyUp(
  { gitDir, commonDir, objectDir }: Repository,
  config: RepositoryConfig,
): Promise<void> {
  const limit = Math.min(tooManyLoose, Number(config.get('gc.auto')?.at(-1) ?? tooManyLoose));
  const isOff = /^(false|no|off|0)$/i.test(config.get('receive.autogc')?.at(-1) ?? 'true');
  if (isOff || !(limit > 0)) return;
  const loose = await countLoose(objectDir);
  const [largest = 0, ...others] = (await countPacked(objectDir)).sort((a, b) => b - a);
  if (loose <= limit && others.length < tooManyPacks) return;
  if (!(await takeTidyLock(gitDir))) return;
  await removeEmptyFolders(commonDir);
  const beside = others.reduce((sum, count) => sum + count, loose);
  const all = beside > largest * looselyPacked && !(await hasFailedLately(gitDir));
  // It goes on by itself: what is to come after Git is the shell's to do. Nothing but file names is handed to it.
  const child = spawn(
    '/bin/sh',
    ['-c', all ? packAll : packNew, 'sh', tidyLock(gitDir), failureLog(gitDir)],
    {
      cwd: gitDir,
      env: gitEnvironment({ gitDir: '.' }),
      stdio: 'ignore',
      detached: true,
    },
  );
  child.on('error', () => void rm(tidyLock(gitDir), { force: true }).catch(() => {}));
  child.unref();
  if (child.pid !== undefined) await handOverTidyLock(gitDir, child.pid);
}

/**
 * Where in the pack which object lies is kept in a file, as Git does by itself from 2.41 on: else who serves a fetch from a
 * pack with bitmaps sorts all its objects each time, for 40 ms of 700,000.
 */
export const keepOrder = ['-c', 'pack.writeReverseIndex=true'];
const git = ['git', ...keepOrder].join(' ');
/** Objects that nothing leads to are packed with the others, so that those of weeks take no block each. */
const packNew = `${git} repack --geometric=2 -d -l --quiet; rm -f "$1"`;
/**
 * Git's own, with all that belongs to it. What nothing leads to but is young goes into a pack, not into files again. Refs
 * are packed before it: that one goes away meanwhile is an error to Git, for which it would leave all the rest.
 */
const packAll = [
  'git pack-refs --all --prune',
  `if ${git} -c gc.packRefs=false -c gc.cruftPacks=true gc --quiet 2>"$2"; then rm -f "$2"; fi`,
  'rm -f "$1"',
].join('\n');

/** Where it stands why that has failed, so that it is not tried again and again. */
const failureLog = (gitDir: string) => join(gitDir, 'dstack-tidy.log');
const restMs = 3_600_000;

async function hasFailedLately(gitDir: string): Promise<boolean> {
  const log = await stat(failureLog(gitDir)).catch(() => null);
  return log !== null && log.size > 0 && Date.now() - log.mtimeMs < restMs;
}

/** About how many there are, from one of 256 folders, as Git counts. */
async function countLoose(objectDir: string): Promise<number> {
  const names = await readdir(join(objectDir, '17')).catch(() => []);
  return 256 * names.length;
}

/** How many objects each pack has, but for those of what nothing leads to. */
async function countPacked(objectDir: string): Promise<number[]> {
  const folder = join(objectDir, 'pack');
  const names = new Set(await readdir(folder).catch(() => []));
  const indexes = [...names].filter(
    (name) => name.endsWith('.idx') && !names.has(name.replace(/idx$/, 'mtimes')),
  );
  return Promise.all(indexes.map((name) => countIndexed(join(folder, name)).catch(() => 0)));
}

/** The last of an index's 256 running totals, behind a head of eight bytes. */
const totalAt = 8 + 255 * 4;

async function countIndexed(path: string): Promise<number> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, totalAt);
    return buffer.readUInt32BE();
  } finally {
    await file.close();
  }
}
