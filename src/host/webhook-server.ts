import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { DstackError } from '../errors.ts';
import { type Listening, listen } from '../listen.ts';
import { rateLimit } from './rate-limit.ts';
import { type Forge, isAuthentic, pushedRefs, recogniseDelivery } from './webhook-events.ts';

/** What a server can be made to do by people who know nothing. */
export interface WebhookLimits {
  readonly bodyBytes: number;
  /** Milliseconds from the beginning of a request, or of a connection, to the end of its headers, and of all of it. */
  readonly headersMs: number;
  readonly requestMs: number;
  readonly connections: number;
  /** Requests at once, and a second after that. */
  readonly burst: number;
  readonly perSecond: number;
}

export const webhookLimits: WebhookLimits = {
  bodyBytes: 1 << 20,
  headersMs: 5_000,
  requestMs: 10_000,
  connections: 64,
  burst: 60,
  perSecond: 10,
};

export interface WebhookOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly secret: string;
  /** An authentic push. @param refs what it changed, or null if that is not known */
  readonly onPush: (forge: Forge, refs: readonly string[] | null) => void;
  /** Something was turned away; the reason is for the log, and never for who sent it. */
  readonly onRefused?: ((reason: string) => void) | undefined;
  readonly limits?: Partial<WebhookLimits> | undefined;
}

/**
 * Listens for push events of GitHub, GitLab, Gitea and Bitbucket at `/`. Whatever it answers has no body.
 * @throws DstackError `cannot-listen`
 */
export async function openWebhookServer(options: WebhookOptions): Promise<Listening> {
  const limits = { ...webhookLimits, ...options.limits };
  const permits = rateLimit(limits);
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headersMs),
      keepAliveTimeout: 1_000,
      maxHeaderSize: 16 << 10,
    },
    (request, response) => {
      void answer(request, response, limits, permits.take(), options)
        // What breaks off in the middle has nobody who waits for an answer.
        .catch(() => 400)
        .then((status) => end(request, response, status));
    },
  );
  server.maxConnections = limits.connections;
  server.timeout = limits.requestMs;
  // Otherwise Node would ask for the body of a request that is going to be refused.
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  const { host, port } = options;
  return listen(
    server,
    { host, port },
    (why, cause) =>
      new DstackError('cannot-listen', `can't listen for webhooks at ${host}:${port}: ${why}`, {
        hint: 'choose another port or address: --listen [HOST:]PORT',
        cause,
      }),
  );
}

/** @returns the status to answer with */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  limits: WebhookLimits,
  permitted: boolean,
  { secret, onPush, onRefused }: WebhookOptions,
): Promise<number> {
  const refuse = (status: number, reason: string): number => {
    onRefused?.(reason);
    return status;
  };
  if (!permitted) return refuse(429, 'too many requests');
  if (request.url?.split('?')[0] !== '/') return refuse(404, 'another path than /');
  if (request.method !== 'POST') return refuse(405, `a method that is not POST`);
  const delivery = recogniseDelivery(request.headers);
  if (!delivery) return refuse(401, 'the headers of no forge that is known');
  if (delivery.signature === null) return refuse(401, 'no signature');
  const body = await bodyOf(request, response, limits.bodyBytes);
  if (body === null) return refuse(413, 'a body of more than 1 MB');
  if (!isAuthentic(delivery, body, secret)) return refuse(401, 'a wrong signature or token');
  if (!delivery.push) return 204;
  onPush(delivery.forge, pushedRefs(body, request.headers['content-type']));
  return 202;
}

/** @returns null if there is more of it than `limit` */
async function bodyOf(
  request: IncomingMessage,
  response: ServerResponse,
  limit: number,
): Promise<Buffer | null> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return null;
  if (request.headers.expect !== undefined) response.writeContinue();
  const pieces: Buffer[] = [];
  let bytes = 0;
  const iterator = request.iterator({ destroyOnReturn: false });
  for await (const piece of iterator as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > limit) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function end(request: IncomingMessage, response: ServerResponse, status: number): void {
  if (response.destroyed) return;
  response.sendDate = false;
  response.statusCode = status;
  if (status === 429) response.setHeader('Retry-After', '10');
  if (status === 405) response.setHeader('Allow', 'POST');
  if (status >= 400) {
    // Whatever else it would send is not read.
    response.setHeader('Connection', 'close');
    response.once('finish', () => request.socket.destroySoon());
  }
  response.end();
}
