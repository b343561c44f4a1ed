import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { participant } from './support.ts';

test('a listing that waits behind one that hangs fails in time, by the words of neither', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket.resume());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const { shared } = await participant(`git://127.0.0.1:${port}/shared.git`);
    const ends: string[] = [];
    const list = (name: string, limit: number) =>
      shared.list(['refs/dstack/queue'], { limit }).then(
        () => ends.push(`${name} is there`),
        (error: { code: string }) => ends.push(`${name} ${error.code}`),
      );
    await Promise.all([list('hanging', 4_000), list('late', 300)]);
    assert.equal(ends, ['late unreachable', 'hanging unreachable']);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

test.run();
