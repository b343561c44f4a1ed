import { randomUUID } from 'node:crypto';
import { renameSync } from 'node:fs';
import { chmod, lstat, realpath, rm, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DstackError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { plainText } from '../terminal-text.ts';
import type { ContentCache } from './content-cache.ts';
import { fileError } from './file-errors.ts';
import type { FileEntry, Manifest, ManifestEntry } from './manifest.ts';
import { checkManifest } from './manifest-text.ts';
import { mapLimited } from './map-limited.ts';
import { countProgress, type OnProgress } from './progress.ts';
import { foldersIn, inspectTarget, type TargetState } from './restore-target.ts';
import type { Store } from './store.ts';
import { type ContentWriter, openContentWriter } from './write-content.ts';

const usuallyAtOnce = 8;

export interface RestoreOptions {
  progress?: OnProgress | undefined;
  /** Which paths of the manifest to restore; all by default. */
  filter?: ((path: string) => boolean) | undefined;
  /** Replace files and links that are there with another content; otherwise they are an error, and nothing is written. */
  overwrite?: boolean | undefined;
  /** How many files, or chunks of one, are fetched at once. */
  atOnce?: number | undefined;
  /** Is asked before the store. */
  cache?: ContentCache | undefined;
}

export interface Restored {
  /** Entries written, and those that were there already. */
  written: number;
  unchanged: number;
  /** Bytes written. */
  bytes: number;
}

/**
 * Writes a manifest's entries below `into` (made if need be). Every file is verified and then put in its place whole;
 * what is there already, and right, is left alone, so an interrupted restore resumes.
 * Throws `bad-manifest`, `path-conflict`, `file-exists` before anything is written; `blob-missing`, `blob-damaged`,
 * `disk-full` later, when files written by then stay. No two may restore into one folder at the same time.
 */
export async function restoreArtifacts(
  manifest: Manifest,
  store: Store,
  into: string,
  options: RestoreOptions = {},
): Promise<Restored> {
  const wanted = checkManifest(manifest).entries.filter(({ path }) => options.filter?.(path) ?? true);
  const root = await makeRoot(into);
  const folders = foldersIn(root);
  const plan = await mapLimited(wanted, async (entry) => ({
    entry,
    state: await inspectTarget(root, entry, folders),
  }));
  if (!options.overwrite) refuseToReplace(root, plan);

  const count = countProgress(
    wanted.flatMap((entry) => (entry.type === 'file' ? [entry.size] : [])),
    options.progress,
  );
  const content = openContentWriter(
    manifest,
    store,
    options.cache,
    options.atOnce ?? usuallyAtOnce,
    count.bytes,
  );
  const result: Restored = { written: 0, unchanged: 0, bytes: 0 };
  const place = async ({ entry, state }: Planned) => {
    const target = join(root, entry.path);
    if (state === 'other-mode' && entry.type === 'file') await setExecutable(target, entry.executable);
    if (state === 'absent' || state === 'differs') {
      const folder = entry.type === 'folder' ? entry.path : dirname(entry.path);
      if (folder !== '.') await folders.make(folder);
      if (entry.type === 'file') await placeFile(content, entry, target);
      if (entry.type === 'link') await placeLink(entry.target, target);
      result.written += 1;
      if (entry.type === 'file') result.bytes += entry.size;
      if (entry.type === 'file') count.file(0);
    } else {
      result.unchanged += 1;
      if (entry.type === 'file') count.file(entry.size);
    }
  };
  const isCut = ({ entry }: Planned) => entry.type === 'file' && (entry.chunks?.length ?? 0) > 1;
  const isLink = ({ entry }: Planned) => entry.type === 'link';
  await mapLimited(
    plan.filter((one) => !isCut(one) && !isLink(one)),
    place,
    options.atOnce,
  );
  // Each of these is fetched in many parts at once.
  for (const one of plan) if (isCut(one)) await place(one);
  // Links last: until then nothing written here can lead anywhere else.
  await mapLimited(plan.filter(isLink), place);
  return result;
}

interface Planned {
  entry: ManifestEntry;
  state: TargetState;
}

async function makeRoot(into: string): Promise<string> {
  try {
    await makeFolder(resolve(into));
    return await realpath(into);
  } catch (error) {
    throw fileError(error, into);
  }
}

function refuseToReplace(root: string, plan: Planned[]): void {
  const [first, ...others] = plan.filter(({ state }) => state === 'differs');
  if (first === undefined) return;
  const more = others.length > 0 ? `, and so are ${others.length} more` : '';
  const path = plainText(join(root, first.entry.path));
  throw new DstackError('file-exists', `${path} is there already with another content${more}`, {
    hint: 'move it away, or choose another folder; nothing was written',
  });
}

async function placeFile(content: ContentWriter, entry: FileEntry, target: string): Promise<void> {
  const make = async (part: string) => {
    await content.write(entry, part).catch((error: unknown) => {
      throw withPath(entry.path, error);
    });
    if (entry.executable) await setExecutable(part, true);
  };
  // What there is of a large file stays, so that another attempt goes on with it.
  if ((entry.chunks?.length ?? 0) > 1) await replace(target, make, entry.sha256.slice(0, 16));
  else await replace(target, make);
}

/** The store knows only the blob and a temporary name. */
function withPath(path: string, error: unknown): unknown {
  if (!(error instanceof DstackError) || error.message.startsWith(plainText(path))) return error;
  const { code, message, hint } = error;
  return new DstackError(code, `${plainText(path)}: ${message}`, { hint, cause: error });
}

async function placeLink(linkTarget: string, target: string): Promise<void> {
  await replace(target, (part) => symlink(linkTarget, part));
}

/**
 * Has something made under another name in the same folder, and puts it in its place in one step.
 * @param kept a part of that name, by which what was made of it is found again after a failure
 */
async function replace(
  target: string,
  make: (part: string) => Promise<void>,
  kept: string | null = null,
): Promise<void> {
  const part = join(dirname(target), `.dstack-${kept ?? randomUUID()}.part`);
  try {
    await make(part);
    renameSync(part, target);
  } catch (error) {
    if (kept === null) await rm(part, { force: true });
    throw fileError(error, target);
  }
}

/** Executable for all who may read it, or for nobody. */
async function setExecutable(path: string, executable: boolean): Promise<void> {
  const mode = (await lstat(path)).mode & 0o777;
  await chmod(path, executable ? mode | ((mode & 0o444) >> 2) : mode & ~0o111);
}
