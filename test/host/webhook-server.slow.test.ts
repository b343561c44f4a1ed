import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openWebhookServer, type WebhookLimits } from '../../src/host/webhook-server.ts';
import type { Listening } from '../../src/listen.ts';
import { forges, secret } from './deliveries.ts';

interface Answer {
  /** Null: the connection was cut. */
  readonly status: number | null;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Hook {
  readonly server: Listening;
  readonly pushes: (readonly string[] | null)[];
  readonly refused: string[];
  send(headers: Record<string, string>, body: Uint8Array, path?: string, method?: string): Promise<Answer>;
}

function withServer(limits: Partial<WebhookLimits>, body: (hook: Hook) => Promise<void>) {
  return async () => {
    const pushes: (readonly string[] | null)[] = [];
    const refused: string[] = [];
    const server = await openWebhookServer({
      host: '127.0.0.1',
      port: 0,
      secret,
      onPush: (_, refs) => pushes.push(refs),
      onRefused: (reason) => refused.push(reason),
      limits,
    });
    const send: Hook['send'] = (headers, content, path = '/', method = 'POST') =>
      new Promise((resolve) => {
        const cut = () => resolve({ status: null, headers: {}, body: '' });
        const sent = request({ host: '127.0.0.1', port: server.port, path, method, headers, agent: false });
        sent.on('error', cut);
        sent.on('response', (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.on('error', cut);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? null,
              headers: response.headers,
              body: Buffer.concat(pieces).toString(),
            }),
          );
        });
        sent.end(content);
      });
    try {
      await body({ server, pushes, refused, send });
    } finally {
      await server.close();
    }
  };
}

for (const [name, push] of Object.entries(forges)) {
  test(
    `a push from ${name} is a sign to look; with a wrong signature it is nothing`,
    withServer({}, async ({ send, pushes }) => {
      const { headers, body, refs } = push();
      assert.is((await send(headers, body)).status, 202);
      assert.equal(pushes, [refs]);
      const forged = push('not the secret');
      assert.is((await send(forged.headers, forged.body)).status, 401);
      assert.is(pushes.length, 1);
    }),
  );
}

test(
  'an authentic event of another kind is taken, and wakes nobody',
  withServer({}, async ({ send, pushes }) => {
    const { headers, body } = forges.github();
    assert.is((await send({ ...headers, 'x-github-event': 'ping' }, body)).status, 204);
    assert.equal(pushes, []);
  }),
);

test(
  'refusals say nothing: not what was wrong, not who answers',
  withServer({}, async ({ send, refused, pushes }) => {
    const { headers, body } = forges.github();
    const answers = [
      await send({}, body),
      await send({ 'x-github-event': 'push' }, body),
      await send({ ...headers, 'x-hub-signature-256': 'sha256=0' }, body),
      await send(headers, body, '/admin'),
      await send(headers, body, '/', 'PUT'),
      await send({}, Buffer.alloc(0), '/', 'GET'),
    ];
    assert.equal(
      answers.map(({ status }) => status),
      [401, 401, 401, 404, 405, 405],
    );
    for (const { headers: answered, body: text } of answers) {
      assert.is(text, '');
      assert.equal(
        Object.keys(answered).filter((name) => !['connection', 'content-length', 'allow'].includes(name)),
        [],
      );
    }
    assert.is(refused.length, answers.length);
    assert.not.match(refused.join(), secret);
    assert.equal(pushes, []);
  }),
);

test(
  'a huge body is not read: neither one that says so, nor one that comes in chunks, nor one that waits to be asked for',
  withServer({}, async ({ send, pushes, server }) => {
    const huge = Buffer.alloc(64 << 20, 'a');
    const { headers } = forges.github(secret, huge);
    const sized = await send(headers, huge);
    assert.ok(sized.status === 413 || sized.status === null, String(sized.status));
    const chunked = await send({ ...headers, 'transfer-encoding': 'chunked' }, huge);
    assert.ok(chunked.status === 413 || chunked.status === null, String(chunked.status));
    const asking = connect(server.port, '127.0.0.1');
    asking.write(
      `POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${huge.length}\r\n${Object.entries(
        headers,
      )
        .map((header) => `${header.join(': ')}\r\n`)
        .join('')}\r\n`,
    );
    let answered = '';
    for await (const piece of asking) answered += piece;
    assert.match(answered, /^HTTP\/1.1 413 /);
    assert.equal(pushes, []);
    const { headers: right, body } = forges.github();
    assert.is((await send({ ...right, expect: '100-continue' }, body)).status, 202);
  }),
);

test(
  'whoever is slow is cut off: silent, with half a header, with half a body',
  withServer({ headersMs: 200, requestMs: 400 }, async ({ server, send, pushes }) => {
    const { headers, body } = forges.github();
    const head = Object.entries({ host: 'a', 'content-length': body.length, ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    const starts = [
      '',
      'POST / HT',
      'POST / HTTP/1.1\r\nHost: a\r\nX-Slow: ',
      `POST / HTTP/1.1\r\n${head}\r\n${body.toString().slice(0, 10)}`,
    ];
    await Promise.all(
      starts.map(async (start) => {
        const socket = connect(server.port, '127.0.0.1');
        // A drop now and then, so that the connection never stands still.
        const drip = setInterval(() => socket.writable && start && socket.write('a'), 50);
        socket.on('error', () => {});
        socket.write(start);
        socket.resume();
        await new Promise((resolve) => socket.once('close', resolve));
        clearInterval(drip);
      }),
    );
    assert.equal(pushes, []);
    assert.is((await send(headers, body)).status, 202);
  }),
);

test(
  'a flood is turned away before anything of it is looked at',
  withServer({ burst: 5, perSecond: 0.001 }, async ({ send, refused, pushes }) => {
    const { headers, body } = forges.github('forged');
    const answers = await Promise.all(Array.from({ length: 40 }, () => send(headers, body)));
    const counted = (status: number) => answers.filter((answer) => answer.status === status).length;
    assert.is(counted(401), 5);
    assert.is(counted(429), 35);
    assert.ok(answers.find(({ status }) => status === 429)?.headers['retry-after']);
    assert.is(refused.filter((reason) => reason === 'too many requests').length, 35);
    assert.equal(pushes, []);
  }),
);

test(
  'more connections than allowed are closed, and those that are gone make room',
  withServer({ connections: 2 }, async ({ server, send }) => {
    const opened = await Promise.all(
      [0, 1].map(
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(server.port, '127.0.0.1', () => {
              socket.write('POST / HTTP/1.1\r\n');
              resolve(socket);
            });
          }),
      ),
    );
    const { headers, body } = forges.github();
    assert.is((await send(headers, body)).status, null);
    for (const socket of opened) socket.destroy();
    let status: number | null = null;
    while (status === null) status = (await send(headers, body)).status;
    assert.is(status, 202);
  }),
);

test(
  'nonsense on the wire harms nobody',
  withServer({}, async ({ server, send }) => {
    for (const nonsense of [
      '\0\0\0\0',
      'GET / HTTP/9.9\r\n\r\n',
      `POST / HTTP/1.1\r\n${'X: y\r\n'.repeat(20_000)}\r\n`,
    ]) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(nonsense);
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
    }
    const { headers, body } = forges.gitlab();
    assert.is((await send(headers, body)).status, 202);
  }),
);

test(
  'a port that is taken is told of',
  withServer({}, async ({ server }) => {
    const second = openWebhookServer({ host: '127.0.0.1', port: server.port, secret, onPush: () => {} });
    const error = await second.then(
      () => null,
      (failure) => failure,
    );
    assert.is(error?.code, 'cannot-listen');
    assert.match(error.message, 'another program does');
  }),
);

test.run();
