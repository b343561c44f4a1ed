import assert from 'node:assert';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import { fetchRefs } from '../../src/git/fetch.ts';
import { push } from '../../src/git/push.ts';
import { listRefs } from '../../src/git/refs.ts';
import { initBareRepository, type Repository } from '../../src/git/repository.ts';
import { writeCommits } from '../../src/git/write-commits.ts';
import { type HttpHost, httpHost } from './http-host.ts';

const test = suite<{ folder: string; shared: Repository; own: Repository; host: HttpHost; url: string }>(
  'call-remote',
);
const author = { name: 'A', email: 'a@example.org', time: 1_700_000_000_000 };
const ref = 'refs/x/y';

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'call-remote-'));
  context.shared = await initBareRepository(join(context.folder, 'shared.git'));
  context.own = await initBareRepository(join(context.folder, 'own.git'));
  context.host = await httpHost(context.folder);
  context.url = `${context.host.url}/shared.git`;
});
test.after.each(async ({ folder, host }) => {
  await host.close();
  rmSync(folder, { recursive: true, force: true });
});

async function commit(own: Repository, content: string | Uint8Array): Promise<string> {
  const files = [{ path: 'a', content }];
  const [id] = await writeCommits(own, [{ parents: [], files, message: 'a', author }]);
  return id as string;
}

/** A server that accepts, and says nothing or what it is told. */
async function silentServer(greet: (socket: Socket) => void = () => {}) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
    greet(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    /** Resolves when nobody is connected any more. */
    async left() {
      await Promise.all(
        [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))),
      );
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(resolve);
      }),
  };
}

for (const status of [429, 500, 502, 503, 504]) {
  test(`a host that answers ${status} is busy`, async ({ own, host, url }) => {
    host.mood = status;
    const fetched = await fetchRefs(own, url, ['+refs/x/*:refs/mirror/*']);
    assert.ok(fetched);
    assert.equal(fetched.code, 'busy', fetched.words);
    assert.match(fetched.words, new RegExp(String(status)));
    assert.equal(fetched.notSent, undefined);
    assert.equal(host.requests.length, 1);
  });
}

test('a busy host gets fewer calls than there are callers, and none is lost once it is back', async ({
  own,
  shared,
  host,
  url,
}) => {
  const id = await commit(own, 'a');
  host.mood = 429;
  const publish = async (number: number) => {
    for (let tries = 1; ; tries += 1) {
      const updates = [{ ref: `refs/x/${number}`, from: null, to: id }];
      const outcome = await push(own, url, updates, { atomic: false });
      if (outcome.ok) return tries;
      assert.equal(outcome.failure.code, 'busy', outcome.failure.words);
      // All have failed once: of those that go on only some are let through.
      if (tries === 2) host.mood = 'well';
    }
  };
  const callers = 8;
  const tries = await Promise.all(Array.from({ length: callers }, (_, number) => publish(number)));
  assert.equal((await listRefs(shared.gitDir, ['refs/x'])).size, callers);
  assert.ok(tries.every((count) => count >= 2));
  // The first call of each, then those that found out, then two requests for a push.
  assert.ok(host.requests.length <= callers + 6 + 2 * callers, `${host.requests.length}`);
});

test('a call to a server that accepts and never answers comes to its end', async ({ own }) => {
  const server = await silentServer();
  const id = await commit(own, 'a');
  try {
    for (const scheme of ['git', 'http']) {
      const url = `${scheme}://127.0.0.1:${server.port}/shared.git`;
      const outcome = await push(own, url, [{ ref, from: null, to: id }], { atomic: false, limit: 300 });
      assert.ok(!outcome.ok);
      assert.equal(outcome.failure.code, 'unreachable');
      assert.match(outcome.failure.words, /no sign of progress for 1 s/);
      // What Git had started is gone, too.
      await server.left();
      const fetched = await fetchRefs(own, `${url}/`, ['+refs/x/*:refs/mirror/*'], { limit: 300 });
      assert.match(fetched?.words ?? '', /no sign of progress/);
      await server.left();
    }
  } finally {
    await server.close();
  }
});

test('what takes long, but goes on, is left alone', async ({ own, shared, host }) => {
  // More than fits into the buffers on the way, through a link that lets some of it pass now and then.
  const id = await commit(own, randomBytes(12 << 20));
  const { port } = new URL(host.url);
  const slow = await silentServer((socket) => {
    const upstream = connect(Number(port), '127.0.0.1');
    upstream.on('error', () => {});
    upstream.pipe(socket);
    socket.on('data', (chunk) => {
      socket.pause();
      upstream.write(chunk);
      setTimeout(() => socket.resume(), 50);
    });
    socket.on('end', () => upstream.end());
  });
  try {
    const url = `http://127.0.0.1:${slow.port}/shared.git`;
    const began = performance.now();
    const limit = 8_000;
    const outcome = await push(own, url, [{ ref, from: null, to: id }], { atomic: false, limit });
    assert.deepEqual(outcome, { ok: true });
    assert.ok(performance.now() - began > limit, 'it took longer than may be silent');
    assert.equal((await listRefs(shared.gitDir, ['refs/x'])).get(ref), id);
  } finally {
    await slow.close();
  }
});

test.run();
