const headerBytes = 8;

/**
 * Takes the frames of Docker's attach stream (one byte of stream number, three of nothing, four of length) apart;
 * dockerode's own way of doing it copies what is left for every frame.
 * @param chunks cut anywhere
 * @returns the bytes of all streams, in order of arrival; a frame may come in pieces
 */
export async function* demultiplex(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const header = Buffer.alloc(headerBytes);
  let headerFilled = 0;
  let left = 0;
  for await (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const part = chunk.subarray(at, at + headerBytes - headerFilled);
        header.set(part, headerFilled);
        headerFilled += part.length;
        at += part.length;
        if (headerFilled < headerBytes) continue;
        headerFilled = 0;
        left = header.readUInt32BE(4);
        continue;
      }
      const piece = chunk.subarray(at, at + left);
      left -= piece.length;
      at += piece.length;
      yield piece;
    }
  }
}
