/** Files below this size, in bytes, share blobs. */
export const smallFile = 64 << 10;

/** Bytes of a pack: at least the first, unless it is the last one, and no more than the second and a file. */
const smallestPack = 512 << 10;
const largestPack = 4 << 20;
/** One in so many files ends a pack that is large enough. */
const oneIn = 16;

/**
 * Says after which of the small files, taken in the order of their paths, a pack ends. It ends where a file's content
 * says so, not after so many: one more file, or one less, changes the pack that it is in, and no other.
 */
export function openGrouper(): (file: { sha256: string; size: number }) => boolean {
  let bytes = 0;
  return ({ sha256, size }) => {
    bytes += size;
    const says = Number.parseInt(sha256.slice(0, 8), 16) % oneIn === 0;
    const ends = bytes >= largestPack || (bytes >= smallestPack && says);
    if (ends) bytes = 0;
    return ends;
  };
}
