import { Hasher } from 'gearhash-jit';

/** Bytes of a chunk, but the last one of a file: between these, about 2^20. */
export const smallestChunk = 256 << 10;
export const largestChunk = 4 << 20;
const usualChunk = 1 << 20;

/** As much as the hasher takes at once. */
const window = 256 << 10;

/** The hash says `cut` where its highest bits are zero: these depend on most of the last 64 bytes. */
const highest = (bits: bigint) => ((1n << bits) - 1n) << (64n - bits);

/**
 * Finds where to cut a file so that a change in it changes few chunks: FastCDC (Xia et al., USENIX ATC 2016), with its
 * normalised chunking of level 2: a cut is four times less likely before the usual size, four times likelier behind it.
 * Gear hash of 64 bits. What it finds is part of no format: another way to cut only finds less that is there already.
 * @returns finds the end of the first chunk of these bytes; `bytes` are all that is left of the file, or at least
 *   `largestChunk` of them
 */
export function openCutter(): (bytes: Uint8Array) => number {
  const rare = new Hasher(highest(22n));
  const frequent = new Hasher(highest(18n));
  return (bytes) => {
    const end = Math.min(bytes.length, largestChunk);
    if (end <= smallestChunk) return end;
    const middle = Math.min(usualChunk, end);
    return find(rare, bytes, smallestChunk, middle) ?? find(frequent, bytes, middle, end) ?? end;
  };
}

function find(hasher: Hasher, bytes: Uint8Array, from: number, to: number): number | null {
  hasher.resetHash();
  for (let start = from; start < to; start += window) {
    const found = hasher.nextMatch(bytes.subarray(start, Math.min(start + window, to)));
    if (found !== -1) return start + found;
  }
  return null;
}
