import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate, deflateSync } from 'node:zlib';
import type { EncodedObject } from './encode-object.ts';
import { type SharedPermissions, withSharedPermissions } from './shared-permissions.ts';
import { storedStream } from './stored-stream.ts';

const deflateAside = promisify(deflate);

/** Larger ones are compressed in another thread; bytes. */
const quick = 32 << 10;

/** A file takes as much room whether it has this many bytes or fewer, and Git compresses it when it packs it. */
const oneBlock = 4_000;

/** Git's own default for loose objects: fast rather than small. */
const level = 1;

/** `git gc` may remove a folder of objects that has become empty while a file is to be put there. */
const tries = 3;

/**
 * Writes an object as a file of its own into a folder of objects, as Git does: whole or not at all, and one that is
 * there already is only dated anew, so that `git gc` doesn't take it for something that nobody has wanted for weeks.
 * By this thread itself: what a small file takes is less than handing it to another one.
 * @throws the system's error
 */
export async function writeLooseObject(
  objectDir: string,
  { id, bytes }: EncodedObject,
  permissions: SharedPermissions,
): Promise<void> {
  const folder = join(objectDir, id.slice(0, 2));
  const path = join(folder, id.slice(2));
  if (freshen(path)) return;
  const packed = await pack(bytes);
  // `git prune` clears away what is called so and is old.
  const temporary = join(folder, `tmp_obj_${randomUUID().replaceAll('-', '')}`);
  try {
    writeIn(folder, temporary, packed, permissions);
    renameSync(temporary, path);
  } catch (error) {
    try {
      rmSync(temporary, { force: true });
    } catch {}
    throw error;
  }
}

/** An object as the stream of zlib that its file holds. */
async function pack(bytes: Buffer): Promise<Uint8Array> {
  if (bytes.length <= oneBlock) return storedStream(bytes);
  return bytes.length > quick ? deflateAside(bytes, { level }) : deflateSync(bytes, { level });
}

/** Dates an object anew. @returns false if it has to be written: it isn't there, is another user's, or a power cut has emptied it */
function freshen(path: string): boolean {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats || stats.size === 0) return false;
    const now = new Date();
    utimesSync(path, now, now);
    return true;
  } catch {
    return false;
  }
}

function writeIn(folder: string, path: string, bytes: Uint8Array, permissions: SharedPermissions): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const file = openSync(path, 'wx', 0o444);
      try {
        writeFileSync(file, bytes);
        if (permissions !== null) fchmodSync(file, withSharedPermissions(0o444, permissions));
      } finally {
        closeSync(file);
      }
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === tries) throw error;
      makeFolder(folder, permissions);
    }
  }
}

function makeFolder(folder: string, permissions: SharedPermissions): void {
  try {
    mkdirSync(folder);
    if (permissions === null) return;
    // What others make in it is to belong to the same group.
    const { mode } = statSync(folder);
    chmodSync(folder, withSharedPermissions(mode & 0o777, permissions) | 0o2000);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
