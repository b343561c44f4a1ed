import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { errno, fileError } from './file-errors.ts';
import { isZero, writeAt } from './holes.ts';

const CHUNK_BYTES = 1 << 18;

/** Lower-case hex sha256 and size in bytes. */
export interface Digest {
  sha256: string;
  size: number;
}

/** A link at the end of the path is not followed, and the other end of a FIFO not waited for. */
const regularFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Opens a regular file for reading. Its last name is not followed if it is a link, and anything that is not a
 * regular file is refused (`not-a-file`) without waiting for a FIFO's other end.
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(path, regularFlags);
  } catch (error) {
    throw orNoFile(error, path);
  }
  try {
    if (!(await handle.stat()).isFile()) throw noFile(path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The same at once, with what it is. */
export function openRegularFileSync(path: string): { fd: number; stats: BigIntStats } {
  let fd: number;
  try {
    fd = openSync(path, regularFlags);
  } catch (error) {
    throw orNoFile(error, path);
  }
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) throw noFile(path);
    return { fd, stats };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** ELOOP: a link; ENXIO: a socket. */
function orNoFile(error: unknown, path: string): unknown {
  return errno(error) === 'ELOOP' || errno(error) === 'ENXIO' ? noFile(path) : error;
}

function noFile(path: string): DstackError {
  return new DstackError('not-a-file', `${plainText(path)} is not a regular file`, {
    hint: 'folders are walked, links kept as links: pipes, sockets and devices have no content to store',
  });
}

/** The same, with words for what a person can do about a failure. */
export async function openSource(path: string): Promise<FileHandle> {
  try {
    return await openRegularFile(path);
  } catch (error) {
    throw fileError(error, path);
  }
}

/**
 * Whether the open file really is where it was asked for: a folder on the way may have been exchanged for a link
 * since it was looked at. Only Linux can tell.
 */
export function isAt(fd: number, path: string): boolean {
  try {
    // No disk is asked for it.
    return readlinkSync(`/proc/self/fd/${fd}`) === path;
  } catch (error) {
    if (errno(error) === 'ENOENT') return true;
    throw error;
  }
}

/**
 * Reads from the current position to the end, hashing, and writes everything to `target` if there is one, which must be
 * empty: what is zero becomes a hole.
 * Stops soon after `limit` bytes, so that a file that grows as it is read cannot keep it busy for ever.
 */
export async function copyAndHash(
  source: FileHandle,
  target: FileHandle | null,
  limit: number,
): Promise<Digest> {
  const hash = createHash('sha256');
  // One byte more than the file has: the last read then finds the end without another buffer.
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, limit + 1));
  let size = 0;
  while (size <= limit) {
    const { bytesRead } = await source.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    if (target && !isZero(chunk)) await writeAt(target, chunk, size);
    size += bytesRead;
  }
  await target?.truncate(size);
  return { sha256: hash.digest('hex'), size };
}
