import { createHash } from 'node:crypto';
import { lstat, mkdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import bytes from 'bytes';
import type { HomeFolder, ImageIdentity } from '../executor/executor.ts';
import { formatDuration } from '../human-units.ts';
import type { CachedFolder, JobSpec } from '../language/job-spec.ts';
import type { QueueEntry } from '../ledger/live.ts';
import type { KeptFolders, NotTaken, Taken } from '../store/kept-folders.ts';
import { foldersIn } from '../store/restore-target.ts';
import { plainText } from '../terminal-text.ts';
import type { Workplace } from './workplace.ts';

/** Whose job it is, and where it is executed. */
export interface SetupPlace {
  /** The shared repository: others' jobs get nothing of this one's. */
  readonly repository: string;
  readonly executor: 'docker' | 'process';
  /** The job's folder; the workspace lies in it. */
  readonly folder: string;
  readonly workspace: string;
  /** The image that it would run in now, if that can be told. */
  imageNow(): Promise<ImageIdentity | null>;
}

/** The folders of one job that this machine keeps for the next one. */
export interface JobSetup {
  /** What of it the job finds below its home. */
  readonly home: readonly HomeFolder[];
  /** Puts in place what is kept. Never fails: without it a job takes longer. */
  restore(isOver: () => boolean): Promise<void>;
  /**
   * Keeps what there is now. To be called once nothing of the job is alive, and only if it did well.
   * @param image that it has run in
   */
  keep(image: ImageIdentity | null): Promise<void>;
}

interface Folder extends CachedFolder {
  /** Absolute; null: something else is in its place. */
  at: string | null;
  files: KeyFiles;
  storedAs: string;
  taken: Taken | null;
}

/** Nothing is kept of a plain process's home: it has the user's own. */
export function openJobSetup(
  kept: KeptFolders | undefined,
  spec: Pick<JobSpec, 'setupCache' | 'workflow' | 'image'>,
  place: SetupPlace,
  options: { readonly fresh: boolean; say(line: string): void },
): JobSetup {
  const wanted = (spec.setupCache ?? []).filter(({ path }) => place.executor === 'docker' || !isInHome(path));
  const say = (line: string) => options.say(`setup cache: ${plainText(line)}`);
  const home = wanted
    .filter(({ path }) => isInHome(path))
    .map(({ path }, index) => ({ path: path.slice(2), folder: join(place.folder, 'home', String(index)) }));
  const folders: Folder[] = [];

  /** Where a folder is to lie, its parents made; null: something is there. */
  const placeFor = async (path: string): Promise<string | null> => {
    const inHome = home.find((one) => isInHome(path) && one.path === path.slice(2));
    if (inHome) {
      await mkdir(dirname(inHome.folder), { recursive: true, mode: 0o700 });
      return inHome.folder;
    }
    const parent = dirname(path);
    if (parent !== '.') await foldersIn(place.workspace).make(parent);
    return (await isThere(join(place.workspace, path))) ? null : join(place.workspace, path);
  };

  const restoreOne = async (
    folder: CachedFolder,
    image: ImageIdentity | null,
    isOver: () => boolean,
  ): Promise<string> => {
    const at = await placeFor(folder.path).catch(() => null);
    const files = await filesOf(place.workspace, folder.key);
    const storedAs = keyOf(folder, spec, image, place, files);
    const found: Folder = { ...folder, at, files, storedAs, taken: null };
    folders.push(found);
    if (at === null) return `${folder.path} is the repository's, and not kept`;
    const missing = files.filter(([, sha256]) => sha256 === null).map(([name]) => name);
    const lack = missing.length > 0 ? ` (${missing.join(', ')} of its key is not there)` : '';
    const taken: Taken | NotTaken =
      !kept || options.fresh ? { why: 'none' } : await kept.take(storedAs, at, isOver);
    if (!('why' in taken)) found.taken = taken;
    // What is mounted must be there.
    else if (isInHome(folder.path)) await mkdir(at, { recursive: true, mode: 0o700 });
    return `${folder.path} ${takenWords(taken, options.fresh)}${lack}`;
  };

  return {
    home,
    async restore(isOver) {
      if (wanted.length === 0) return;
      if (!kept) say('this runner keeps none');
      const image = await place.imageNow().catch(() => null);
      const words: string[] = [];
      for (const folder of wanted) {
        if (isOver()) return;
        words.push(await restoreOne(folder, image, isOver));
      }
      if (kept) say(words.join('; '));
    },
    async keep(image) {
      if (!kept) return;
      const done: string[] = [];
      const problems: string[] = [];
      for (const folder of folders) {
        const { path, at, taken } = folder;
        if (at === null) continue;
        const key = keyOf(folder, spec, image, place, folder.files);
        try {
          if (!(await isOwnFolder(place.folder, at))) continue;
          const { result, bytes: size } = await kept.keep(key, at, key === folder.storedAs ? taken : null);
          if (result === 'kept') done.push(`${path} (${bytes(size)})`);
          if (result === 'too-large') problems.push(`${path} is too large to be kept${sizeWords(size)}`);
        } catch (error) {
          problems.push(`${path} could not be kept: ${(error as Error).message}`);
        }
      }
      if (done.length > 0) say(`kept ${done.join('; ')}`);
      for (const problem of problems) say(problem);
    },
  };
}

/** That of a job of this runner. */
export function setupOf(
  { executors, ledger, setupCache }: Pick<Workplace, 'executors' | 'ledger' | 'setupCache'>,
  { job: { spec, useCache } }: Pick<QueueEntry, 'job'>,
  place: Pick<SetupPlace, 'folder' | 'workspace'>,
  say: (line: string) => void,
): JobSetup {
  const where = {
    ...place,
    executor: executors.choose(spec)?.executor.kind ?? 'docker',
    repository: ledger.shared.location,
    imageNow: () => executors.imageNow(spec),
  };
  return openJobSetup(setupCache, spec, where, { fresh: !useCache, say });
}

const isInHome = (path: string) => path.startsWith('~/');
const sizeWords = (size: number) => (Number.isFinite(size) ? ` (${bytes(size)})` : '');

function takenWords(taken: Taken | NotTaken, fresh: boolean): string {
  if (!('why' in taken)) {
    return `${bytes(taken.bytes)} from ${formatDuration(Date.now() - taken.savedAt.getTime())} ago`;
  }
  if (taken.why === 'failed') return `could not be copied: ${taken.words}`;
  if (taken.why === 'no-room') return 'not used: the disk has no room for a copy';
  return fresh ? 'not used' : 'none yet';
}

/**
 * Under which name a folder is kept. What lies below the home belongs to tools, which can share it, whatever the
 * workflow; a folder of the workspace is of one workflow. Programs write their own paths into what they install, so it
 * counts where the workspace lies: in a container always at the same place. An image is the one that has this name now.
 */
function keyOf(
  { path }: CachedFolder,
  { workflow, image }: Pick<JobSpec, 'workflow' | 'image'>,
  identity: ImageIdentity | null,
  { repository, executor, workspace }: SetupPlace,
  files: KeyFiles,
): string {
  const where =
    executor === 'docker'
      ? ['docker', image, identity?.digest ?? identity?.id ?? null]
      : ['process', workspace];
  const owner = isInHome(path) ? null : workflow;
  return createHash('sha256')
    .update(JSON.stringify([1, repository, ...where, owner, path, files]))
    .digest('hex');
}

/** The files of a key with the hash of each; null: there is none in the workspace. */
type KeyFiles = readonly (readonly [name: string, sha256: string | null])[];

async function filesOf(workspace: string, names: readonly string[]): Promise<KeyFiles> {
  const root = await realpath(workspace);
  return Promise.all(names.map(async (name) => [name, await hashWithin(root, join(root, name))] as const));
}

const mostBytes = 64 << 20;

/** A link may lead to another file of the workspace. */
async function hashWithin(root: string, file: string): Promise<string | null> {
  try {
    const real = await realpath(file);
    const stats = await lstat(real);
    if (relative(root, real).startsWith('..') || !stats.isFile() || stats.size > mostBytes) return null;
    return createHash('sha256')
      .update(await readFile(real))
      .digest('hex');
  } catch {
    return null;
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null;
}

/** The job may have put a link there, or in the place of what is above it: what that leads to is not its own. */
async function isOwnFolder(above: string, path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => null);
  if (!stats?.isDirectory()) return false;
  return (await realpath(path)) === join(await realpath(above), relative(above, path));
}
