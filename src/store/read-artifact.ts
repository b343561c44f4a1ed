import { type BigIntStats, closeSync, fstatSync, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { errno, fileError } from './file-errors.ts';
import { isAt, openRegularFile, openRegularFileSync } from './hash-file.ts';
import { stampOf } from './known-files.ts';

/**
 * Has a file of the workspace read, and once more if it changed meanwhile.
 * @param read gets the file, and how many bytes it must find in it
 * @throws DstackError `file-changed` for a file that will not keep still, or has gone; what `read` throws
 */
export async function readArtifact<Result>(
  workspace: string,
  path: string,
  read: (file: FileHandle, size: number) => Promise<Result>,
): Promise<{ result: Result; stats: BigIntStats }> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await readStill(join(workspace, path), read, () => artifactChanged(path));
    } catch (error) {
      throwUnlessAgain(path, error, attempt);
    }
  }
}

/**
 * Has that part of a file read that it had when it was found, whatever is being appended to it.
 * @throws DstackError `file-changed` if it is another one by now, or shorter; what `read` throws
 */
export async function readBeginning<Result>(
  workspace: string,
  { path, stats }: { path: string; stats: BigIntStats },
  read: (file: ReadableFile, size: number) => Promise<Result>,
): Promise<{ result: Result; stats: BigIntStats }> {
  const absolute = join(workspace, path);
  try {
    const file = await openRegularFile(absolute);
    try {
      const result = await read(beginningOf(file, Number(stats.size)), Number(stats.size));
      const { ino, dev, size } = await file.stat({ bigint: true });
      const isLonger = ino === stats.ino && dev === stats.dev && size >= stats.size;
      if (!isLonger || !isAt(file.fd, absolute)) throw artifactChanged(path);
      return { result, stats };
    } finally {
      await file.close();
    }
  } catch (error) {
    throwUnlessAgain(path, error, 2);
    throw error;
  }
}

/** What a file is read by. */
export interface ReadableFile {
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesRead: number }>;
}

function beginningOf(file: FileHandle, size: number): ReadableFile {
  let next = 0;
  return {
    async read(buffer, offset, length, position) {
      const from = position ?? next;
      const { bytesRead } = await file.read(buffer, offset, Math.max(0, Math.min(length, size - from)), from);
      next = from + bytesRead;
      return { bytesRead };
    },
  };
}

/**
 * The same for a file that is to be small, all of it, in memory. By synchronous calls, which for such a file take tens
 * of microseconds: asking the thread pool for each of the seven takes ten times as long.
 */
export function readSmallArtifact(
  workspace: string,
  path: string,
  mostBytes: number,
): { bytes: Uint8Array; stats: BigIntStats } {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return readSmallStill(join(workspace, path), mostBytes, () => artifactChanged(path));
    } catch (error) {
      throwUnlessAgain(path, error, attempt);
    }
  }
}

function throwUnlessAgain(path: string, error: unknown, attempt: number): void {
  const gone = errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR' || errno(error) === 'not-a-file';
  const changed = gone || (error instanceof DstackError && error.code === 'file-changed');
  if (!changed) throw fileError(error, path);
  if (attempt === 2) throw gone ? artifactGone(path, error) : artifactChanged(path);
}

/** @throws DstackError `file-changed` if a file has been read in another state than it was found in */
export function requireAsFound(path: string, found: BigIntStats, read: BigIntStats): void {
  if (stampOf(found) !== stampOf(read)) throw artifactChanged(path);
}

/** The error for a file that is not what it was a moment ago. */
export function artifactChanged(path: string): DstackError {
  return new DstackError('file-changed', `the artifact ${plainText(path)} changes while it is being read`, {
    hint: 'something still writes to it: let the job end all its processes before its commands end',
  });
}

function artifactGone(path: string, cause: unknown): DstackError {
  const became = errno(cause) === 'not-a-file' ? 'became a link, a pipe or a socket' : 'disappeared';
  return new DstackError(
    'file-changed',
    `the artifact ${plainText(path)} ${became} while it was being read`,
    {
      hint: 'something still changes it: let the job end all its processes before its commands end',
      cause,
    },
  );
}

async function readStill<Result>(
  absolute: string,
  read: (file: FileHandle, size: number) => Promise<Result>,
  changed: () => DstackError,
): Promise<{ result: Result; stats: BigIntStats }> {
  const file = await openRegularFile(absolute);
  try {
    if (!isAt(file.fd, absolute)) throw changed();
    const stats = await file.stat({ bigint: true });
    const result = await read(file, Number(stats.size));
    if (!isSame(stats, await file.stat({ bigint: true }))) throw changed();
    return { result, stats };
  } finally {
    await file.close();
  }
}

function readSmallStill(
  absolute: string,
  mostBytes: number,
  changed: () => DstackError,
): { bytes: Uint8Array; stats: BigIntStats } {
  const { fd, stats } = openRegularFileSync(absolute);
  try {
    if (!isAt(fd, absolute) || stats.size > mostBytes) throw changed();
    const bytes = Buffer.allocUnsafe(Number(stats.size));
    for (let length = 0; length < bytes.length; ) {
      const read = readSync(fd, bytes, length, bytes.length - length, length);
      if (read === 0) throw changed();
      length += read;
    }
    if (!isSame(stats, fstatSync(fd, { bigint: true }))) throw changed();
    return { bytes, stats };
  } finally {
    closeSync(fd);
  }
}

function isSame(before: BigIntStats, after: BigIntStats): boolean {
  return before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs && before.size === after.size;
}

/**
 * All of a file, in memory.
 * @throws DstackError `file-changed` if it has another size by now
 */
export async function readWhole(file: ReadableFile, size: number, path: string): Promise<Buffer> {
  // One byte more than it has: one that has grown shows.
  const buffer = Buffer.allocUnsafe(size + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length !== size) throw artifactChanged(path);
  return buffer.subarray(0, size);
}
