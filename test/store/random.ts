import { createCipheriv, createHash } from 'node:crypto';

/** Bytes that don't compress, the same for the same seed. */
export function random(bytes: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}
