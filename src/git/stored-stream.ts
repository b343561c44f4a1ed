/** Bytes before and after what is stored. */
const before = 7;
const after = 4;

/**
 * A zlib stream of one block that is stored as it is (RFC 1950, and 1951 section 3.2.4). To set up a compressor, with the
 * 256 KB that it works in, takes several times as long as writing a small object this way.
 * @param bytes 65,535 at most
 */
export function storedStream(bytes: Uint8Array): Buffer {
  if (bytes.length > 0xffff) throw new RangeError(`${bytes.length} bytes are too many for one block`);
  const stream = Buffer.allocUnsafe(before + bytes.length + after);
  stream.writeUInt16BE(0x7801, 0); // Deflate with a window of 32 KB, as all of Git's; the two divide by 31.
  stream[2] = 1; // The last block, stored.
  stream.writeUInt16LE(bytes.length, 3);
  stream.writeUInt16LE(bytes.length ^ 0xffff, 5);
  stream.set(bytes, before);
  stream.writeUInt32BE(adler32(bytes), before + bytes.length);
  return stream;
}

/** @returns what such a stream holds; null if it is none, or damaged */
export function readStoredStream(stream: Buffer): Buffer | null {
  const length = stream.length - before - after;
  const isOne =
    length >= 0 &&
    stream.readUInt16BE(0) === 0x7801 &&
    stream[2] === 1 &&
    stream.readUInt16LE(3) === length &&
    stream.readUInt16LE(5) === (length ^ 0xffff);
  if (!isOne) return null;
  const bytes = stream.subarray(before, before + length);
  return stream.readUInt32BE(before + length) === adler32(bytes) ? bytes : null;
}

/** RFC 1950, section 8.2. */
function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let at = 0; at < bytes.length; ) {
    // So many can be added before the sums would be too large for 32 bits.
    const end = Math.min(at + 3_800, bytes.length);
    for (; at < end; at += 1) {
      a += bytes[at] as number;
      b += a;
    }
    a %= 65_521;
    b %= 65_521;
  }
  return b * 65_536 + a;
}
