import type { Repository } from './repository.ts';

/** Bytes of what `stat` says, in front of an entry's id; then come its flags. */
const statBytes = 40;
/** Of the mode's four bytes, the one that says what kind of thing it is. */
const kindAt = 26;
const [file, link] = [0o10, 0o12];
/** Of the flags' first byte: assumed unchanged, more flags (not looked at, only intended to be added), stages of a merge. */
const unusualFlags = 0xf0;
const longName = 0xfff;

/**
 * Has an index only ordinary entries: files and links that nothing is to be kept in mind about? Then its entries need not be
 * listed in order to find those that are not. By https://git-scm.com/docs/index-format, version 2; others are never plain.
 * @param index content of the file
 * @returns how many entries it has, if they are all ordinary; otherwise null
 */
export function plainEntries(index: Buffer, objectFormat: Repository['objectFormat']): number | null {
  const idBytes = objectFormat === 'sha256' ? 32 : 20;
  const end = index.length - idBytes;
  if (end < 12 || index.toString('latin1', 0, 4) !== 'DIRC' || index.readUInt32BE(4) !== 2) return null;
  const entries = index.readUInt32BE(8);
  let at = 12;
  // Byte by byte: of a process that has just begun, functions that read numbers take several times as long.
  for (let left = entries; left > 0; left -= 1) {
    const nameAt = at + statBytes + idBytes + 2;
    if (nameAt > end) return null;
    const kind = (index[at + kindAt] as number) >> 4;
    const flags = index[nameAt - 2] as number;
    if ((kind !== file && kind !== link) || (flags & unusualFlags) !== 0) return null;
    const length = (flags << 8) | (index[nameAt - 1] as number);
    const nameEnd = length < longName ? nameAt + length : index.indexOf(0, nameAt);
    // Up to a multiple of eight bytes, at least one.
    at += (nameEnd - at + 8) & ~7;
  }
  // Extensions: those that begin with a small letter must be understood, such as one that says where the rest is.
  while (at + 8 <= end) {
    if (!/[A-Z]/.test(String.fromCharCode(index[at] as number))) return null;
    at += 8 + index.readUInt32BE(at + 4);
  }
  return at === end ? entries : null;
}
