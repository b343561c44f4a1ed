import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';

/** What compresses to more than this part of its size is left as it is. */
const worthIt = 0.9;
const sampleBytes = 16 << 10;
/** Bytes of a block on most disks: nothing gets smaller there than one. */
const smallestGain = 4096;

const settings = {
  params: {
    // The fastest: it compresses text to about a third, as zstd does, which Node 20 has not.
    [constants.BROTLI_PARAM_QUALITY]: 1,
    [constants.BROTLI_PARAM_LGWIN]: 22,
  },
};
const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);

/**
 * The bytes compressed, where that pays; null: it doesn't. A sample is tried first: weights, pictures and archives, of
 * which most large artifacts consist, don't get smaller, and trying them whole would take longer than anything else.
 */
export async function compressed(bytes: Uint8Array): Promise<Uint8Array | null> {
  if (bytes.length <= smallestGain) return null;
  const middle = Math.max(0, (bytes.length - sampleBytes) >> 1);
  const sample = bytes.subarray(middle, middle + sampleBytes);
  const smallSample = await compress(sample, settings);
  if (smallSample.length > sample.length * worthIt) return null;
  if (sample.length === bytes.length) return smallSample;
  const small = await compress(bytes, settings);
  return small.length > bytes.length * worthIt ? null : small;
}

/**
 * @param size what comes out must have this many bytes: nothing that is small here becomes huge
 * @returns null if these are not that many bytes compressed
 */
export async function decompressed(bytes: Uint8Array, size: number): Promise<Uint8Array | null> {
  // One buffer for all of it, with room to spare, so that no second one is begun.
  const options = { maxOutputLength: size, chunkSize: size + 64 };
  const whole = await decompress(bytes, options).catch(() => null);
  return whole?.length === size ? whole : null;
}
