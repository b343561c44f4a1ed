import { request } from 'node:http';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DstackError } from '../../src/errors.ts';
import type { Listening } from '../../src/listen.ts';
import { openFeed } from '../../src/web/feed.ts';
import { openWebServer, type WebServerOptions } from '../../src/web/server.ts';
import type { Sources } from '../../src/web/sources.ts';

const token = 'the-token-of-this-test';

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** A request as it is, with whatever path and host. */
function ask(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
) {
  return new Promise<Answer>((resolve, reject) => {
    const headers = { host: `127.0.0.1:${port}`, ...options.headers };
    const call = request(
      { host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (more: string) => {
          body += more;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      },
    );
    call.on('error', reject);
    call.end();
  });
}

const authorization = `Bearer ${token}`;
const files = { script: 'page()', style: 'p {}', icon: '<svg/>' };
const idle = { subscribe: () => () => {}, hurry() {} };
const noTags = { tags: async () => new Map<string, string[]>() };

async function withServer(
  more: Partial<WebServerOptions>,
  body: (server: Listening, asked: string[][]) => Promise<void>,
) {
  const asked: string[][] = [];
  const server = await openWebServer({
    ...{ port: 0, token, files, sources: {} as Sources, onAll() {}, onBug() {} },
    answers: async (question) => {
      asked.push([...question]);
      return { question };
    },
    feed: openFeed(idle, noTags),
    ...more,
  });
  try {
    await body(server, asked);
  } finally {
    await server.close();
  }
}

test('the page may load nothing but its own parts, and none of it is kept or framed', () =>
  withServer({}, async ({ port }) => {
    for (const path of ['/', '/page.js', '/page.css', '/page.svg', '/api/run/x', '/nothing']) {
      const { headers } = await ask(port, path);
      const policy = String(headers['content-security-policy']);
      assert.match(policy, "default-src 'none'; script-src 'self'; style-src 'self'");
      assert.match(policy, "frame-ancestors 'none'");
      assert.not.match(policy, /unsafe|\*|http/);
      assert.is(headers['x-content-type-options'], 'nosniff');
      assert.is(headers['referrer-policy'], 'no-referrer');
      assert.is(headers['cross-origin-resource-policy'], 'same-origin');
      assert.is(headers['cache-control'], 'no-store');
      assert.is(headers['access-control-allow-origin'], undefined);
      assert.is(headers['set-cookie'], undefined);
    }
  }));

test('the page needs no token and has none; every answer does', () =>
  withServer({}, async ({ port }, asked) => {
    const page = await ask(port, '/');
    assert.is(page.status, 200);
    assert.not.match(page.body, token);
    assert.not.match(page.body, /<script>|style=|https?:/);
    for (const path of [
      '/api/run/x',
      '/api/feed',
      '/api/all',
      '/api/file/a/b/c',
      '/api/',
      `/api/run/x?token=${token}`,
    ]) {
      const { status, body } = await ask(port, path);
      assert.is(status, 401, path);
      assert.match(body, 'dstack ui');
    }
    assert.equal(asked, []);
    assert.is((await ask(port, '/api/run/x', { headers: { authorization } })).status, 200);
    assert.equal(asked, [['run', 'x']]);
  }));

test('another host’s name and anything but reading are turned away', () =>
  withServer({}, async ({ port }, asked) => {
    for (const host of [`evil.example:${port}`, 'evil.example', `127.0.0.1:${port + 1}`]) {
      for (const path of ['/', '/api/run/x'])
        assert.is((await ask(port, path, { headers: { authorization, host } })).status, 421);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      assert.is((await ask(port, '/api/run/x', { method, headers: { authorization } })).status, 405);
    assert.equal(asked, []);
  }));

test('what stands in an address is a question and never a path', () =>
  withServer({}, async ({ port }, asked) => {
    for (const path of [
      '/../package.json',
      '/..%2fpackage.json',
      '/page.js/../../x',
      '//etc/passwd',
      '/page.js%00',
    ])
      assert.is((await ask(port, path, { headers: { authorization } })).status, 404, path);
    assert.is((await ask(port, '/api/%ff', { headers: { authorization } })).status, 400);
    assert.equal(asked, []);
    await ask(port, '/api/text/run/job/..%2F..%2Fetc%2Fpasswd', { headers: { authorization } });
    assert.equal(asked, [['text', 'run', 'job', '../../etc/passwd']]);
  }));

test('a failure is told in words, a bug only to who runs the server', () => {
  const bugs: unknown[] = [];
  const answers = async ([kind]: readonly string[]): Promise<object> => {
    if (kind === 'bug') throw new Error('secret detail');
    throw new DstackError(`${kind}-run`, 'there is no such run', { hint: 'look again' });
  };
  return withServer({ answers, onBug: (error) => bugs.push(error) }, async ({ port }) => {
    const unknown = await ask(port, '/api/unknown', { headers: { authorization } });
    assert.equal(
      [unknown.status, JSON.parse(unknown.body)],
      [404, { error: 'there is no such run', hint: 'look again' }],
    );
    assert.is((await ask(port, '/api/broken', { headers: { authorization } })).status, 503);
    const bug = await ask(port, '/api/bug', { headers: { authorization } });
    assert.is(bug.status, 500);
    assert.not.match(bug.body, 'secret detail');
    assert.is(bugs.length, 1);
  });
});

test('where somebody looks at the page, the repository is looked at, too', () => {
  let looks = 0;
  const hurry = () => {
    looks += 1;
  };
  return withServer({ feed: openFeed({ ...idle, hurry }, noTags) }, async ({ port }, asked) => {
    assert.is((await ask(port, '/api/look')).status, 401);
    assert.is(looks, 0);
    assert.is((await ask(port, '/api/look', { headers: { authorization } })).status, 200);
    assert.is(looks, 1);
    assert.equal(asked, []);
  });
});

test('it listens at this machine’s own address, and says so if it can’t', () =>
  withServer({}, async ({ port }) => {
    const failure = await openWebServer({
      ...{ port, token, files, sources: {} as Sources, onAll() {}, onBug() {} },
      answers: async () => ({}),
      feed: openFeed(idle, noTags),
    }).catch((error: unknown) => error);
    assert.instance(failure, DstackError);
    assert.is((failure as DstackError).code, 'cannot-listen');
    assert.match((failure as DstackError).message, `127.0.0.1:${port}: another program does`);
  }));

test.run();
