import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { demultiplex } from '../../src/executor/demultiplex.ts';

function frame(stream: number, data: Uint8Array): Buffer {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

async function* piecesOf(data: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < data.length; i++) {
    const end = at + (sizes[i % sizes.length] ?? 1);
    yield data.subarray(at, end);
    at = end;
  }
}

test('gives the bytes of all frames in order, however they are cut', async () => {
  const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })));
  const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(frames, sizes, async (parts, cuts) => {
      const sent = Buffer.concat(parts.map(([stream, data]) => frame(stream, data)));
      const got: Uint8Array[] = [];
      for await (const piece of demultiplex(piecesOf(sent, cuts))) got.push(piece);
      assert.ok(Buffer.concat(got).equals(Buffer.concat(parts.map(([, data]) => data))));
    }),
    { numRuns: 200 },
  );
});

test.run();
