import type { FileHandle } from 'node:fs/promises';

/** As large as anything that is written at once, in bytes. */
const zeros = Buffer.alloc(4 << 20);

/** Behind the end of a file these need not be written: it has a hole there, which reads the same and takes no room. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.length <= zeros.length && zeros.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
}

/** Writes all of it. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
  }
}
