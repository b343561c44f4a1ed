import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DstackError } from '../errors.ts';
import { type Listening, listen } from '../listen.ts';
import { hasToken, isOwnHost } from './access.ts';
import type { FailureAnswer } from './answer-types.ts';
import { type Answers, jobOf } from './answers.ts';
import { contentOf, fileOf } from './artifacts.ts';
import type { Feed } from './feed.ts';
import type { PageFiles } from './page-files.ts';
import { fileHeaders, pageHtml, safeHeaders } from './page-html.ts';
import type { Sources } from './sources.ts';

export interface WebServerOptions {
  /** On 127.0.0.1; 0: any that is free. */
  readonly port: number;
  readonly token: string;
  readonly files: PageFiles;
  readonly answers: Answers;
  readonly feed: Feed;
  readonly sources: Sources;
  /** The page asks for every run that there is. */
  readonly onAll: () => void;
  /** Something that is no failure a person can act on, for who runs the server. */
  readonly onBug: (error: unknown) => void;
}

const host = '127.0.0.1';
/** Milliseconds between two signs of life of a stream. */
const heartbeat = 10_000;

/**
 * Serves the page to this machine. The page itself is no secret; whatever it asks for needs the token.
 * @throws DstackError `cannot-listen`
 */
export async function openWebServer(options: WebServerOptions): Promise<Listening> {
  const server = createServer({ maxHeaderSize: 16 << 10 }, (request, response) => {
    const port = (server.address() as AddressInfo | null)?.port ?? 0;
    void answer(request, response, port, options).catch((error: unknown) => fail(response, error, options));
  });
  server.maxConnections = 256;
  const { port } = options;
  return listen(
    server,
    { host, port },
    (why, cause) =>
      new DstackError('cannot-listen', `can't listen at ${host}:${port}: ${why}`, {
        hint: 'choose another port, or none: any that is free is taken then',
        cause,
      }),
  );
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  options: WebServerOptions,
): Promise<void> {
  if (!isOwnHost(request.headers.host, port)) return turnAway(response, 421, 'this is not for that host');
  if (request.method !== 'GET') {
    response.setHeader('Allow', 'GET');
    return turnAway(response, 405, 'only GET is understood');
  }
  const path = (request.url ?? '/').split('?')[0] as string;
  const file = pageFile(path, options.files);
  if (file) return send(response, 200, file.type, file.content);
  if (!path.startsWith('/api/')) return turnAway(response, 404, 'there is no such page');
  if (!hasToken(request.headers, options.token))
    return turnAway(response, 401, 'open the address that `dstack ui` has printed');
  const question = wordsOf(path.slice('/api/'.length));
  if (question === null) return turnAway(response, 400, 'this is no address');
  const [kind, run = '', job = '', name = ''] = question;
  if (kind === 'feed') return stream(response, options.feed);
  if (kind === 'file') return sendFile(response, options.sources, run, job, name);
  if (kind === 'all' || kind === 'look') {
    if (kind === 'all') options.onAll();
    else options.feed.hurry();
    return sendJson(response, 200, {});
  }
  return sendJson(response, 200, await options.answers(question));
}

function pageFile(path: string, files: PageFiles): { type: string; content: string } | null {
  switch (path) {
    case '/':
      return { type: 'text/html; charset=utf-8', content: pageHtml([], { policy: false }) };
    case '/page.js':
      return { type: 'text/javascript; charset=utf-8', content: files.script };
    case '/page.css':
      return { type: 'text/css; charset=utf-8', content: files.style };
    case '/page.svg':
      return { type: 'image/svg+xml', content: files.icon };
    default:
      return null;
  }
}

/** Null: there is something in it that is no percent-encoding of a text. */
function wordsOf(path: string): string[] | null {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return null;
  }
}

/** Lines of JSON, one for each change, until the page goes. */
function stream(response: ServerResponse, feed: Feed): void {
  response.writeHead(200, { ...safeHeaders, 'Content-Type': 'application/x-ndjson' });
  const beat = setInterval(() => response.write('\n'), heartbeat);
  const unsubscribe = feed.subscribe((line) => {
    if (response.writableNeedDrain) return false;
    response.write(`${JSON.stringify(line)}\n`);
    return true;
  });
  response.on('close', () => {
    clearInterval(beat);
    unsubscribe();
  });
}

async function sendFile(
  response: ServerResponse,
  sources: Sources,
  run: string,
  jobName: string,
  path: string,
): Promise<void> {
  const found = await sources.find(run);
  const job = { ...found, job: jobOf(found, jobName) };
  const file = await fileOf(sources, job, path);
  const content = contentOf(sources, job, file);
  // What can't be read from the first byte on is a failure that can still be told.
  const first = await content.next();
  response.writeHead(200, { ...fileHeaders, 'Content-Length': file.entry.size });
  const all = async function* () {
    if (!first.done) yield first.value;
    yield* content;
  };
  await pipeline(Readable.from(all()), response).catch(() => response.destroy());
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(value));
}

function turnAway(response: ServerResponse, status: number, error: string): void {
  sendJson(response, status, { error } satisfies FailureAnswer);
}

function send(response: ServerResponse, status: number, type: string, content: string): void {
  response.writeHead(status, { ...safeHeaders, 'Content-Type': type });
  response.end(content);
}

function fail(response: ServerResponse, error: unknown, { onBug }: WebServerOptions): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error instanceof DstackError) {
    const status = /^(unknown|no-such)-/.test(error.code) ? 404 : 503;
    sendJson(response, status, { error: error.message, hint: error.hint } satisfies FailureAnswer);
    return;
  }
  onBug(error);
  turnAway(response, 500, 'something went wrong that should not: the terminal of `dstack ui` says what');
}
