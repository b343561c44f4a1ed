import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the host treats a request: as it is, with this status, or never. */
export type Mood = 'well' | 'hanging' | number;

/** Git's own `http-backend` behind a server that counts, and can refuse or hang. */
export interface HttpHost {
  /** Of the folder; a repository in it is `<url>/<name>`. */
  readonly url: string;
  mood: Mood;
  /** Speaks version 0 of the protocol only, as one behind an old proxy does. */
  old: boolean;
  /** When requests came, `performance.now()`. */
  readonly requests: number[];
  close(): Promise<void>;
}

/** Serves the repositories in a folder, for pushes, too. */
export async function httpHost(folder: string, env: NodeJS.ProcessEnv = process.env): Promise<HttpHost> {
  const requests: number[] = [];
  const server = createServer((request, response) => {
    requests.push(performance.now());
    if (host.old) delete request.headers['git-protocol'];
    if (host.mood === 'well') return passOn(folder, env, request, response);
    if (host.mood === 'hanging') return;
    response.writeHead(host.mood, { 'Retry-After': '5' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host: HttpHost = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mood: 'well',
    old: false,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return host;
}

function passOn(
  folder: string,
  env: NodeJS.ProcessEnv,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const url = new URL(request.url ?? '/', 'http://host');
  const header = (name: string) => String(request.headers[name] ?? '');
  const backend = spawn('git', ['http-backend'], {
    env: {
      ...env,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      // Whoever has logged in may push.
      REMOTE_USER: 'ann',
      REMOTE_ADDR: '127.0.0.1',
      REQUEST_METHOD: request.method ?? 'GET',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
      ...(request.headers['content-length'] ? { CONTENT_LENGTH: header('content-length') } : {}),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(backend.stdin);
  backend.stdin.on('error', () => {});
  const chunks: Buffer[] = [];
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  backend.once('close', () => {
    const answer = Buffer.concat(chunks);
    const end = answer.indexOf('\r\n\r\n');
    const lines = answer.subarray(0, Math.max(0, end)).toString('latin1').split('\r\n');
    const headers = new Map(lines.map((line) => [line.split(': ')[0] ?? '', line.replace(/^[^:]*: /, '')]));
    const status = end < 0 ? 500 : Number.parseInt(headers.get('Status') ?? '200', 10);
    headers.delete('Status');
    response.writeHead(status, Object.fromEntries(headers)).end(end < 0 ? '' : answer.subarray(end + 4));
  });
}
