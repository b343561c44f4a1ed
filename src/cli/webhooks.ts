import type { Logger } from 'pino';
import { DstackError, usageError } from '../errors.ts';
import { openWebhookServer } from '../host/webhook-server.ts';
import type { RefNames } from '../ledger/refs.ts';
import type { Listening } from '../listen.ts';
import { readSecret } from '../runner/read-secret.ts';

const variable = 'DSTACK_WEBHOOK_SECRET';
/** Anybody may guess at it, as often as the server lets him. */
const leastCharacters = 16;
/** What is turned away is told at most so often; milliseconds. */
const toldEvery = 60_000;

/**
 * Where `--listen` says: `PORT` of this machine alone, `HOST:PORT`, `[ADDRESS]:PORT`.
 * @throws DstackError `bad-listen` (usage)
 */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:(\[[0-9a-f:.]+\]|[a-z0-9.-]+):)?(\d{1,5})$/i.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65_535) {
    throw usageError(
      'bad-listen',
      `--listen ${JSON.stringify(text)} is no place to listen at`,
      'write a port, for this machine alone, or HOST:PORT: --listen 9000, --listen 0.0.0.0:9000',
    );
  }
  return { host: match[1]?.replace(/^\[|\]$/g, '') ?? '127.0.0.1', port };
}

/**
 * What webhooks are signed with: `DSTACK_WEBHOOK_SECRET`, or what is in the file that `DSTACK_WEBHOOK_SECRET_FILE` names,
 * which nobody else may read.
 * @throws DstackError `no-webhook-secret`, `secret-unreadable`
 */
export async function webhookSecret(env: NodeJS.ProcessEnv): Promise<string> {
  const file = env[`${variable}_FILE`];
  if (!env[variable] && !file) {
    throw new DstackError('no-webhook-secret', 'webhooks need a secret by which they are known', {
      hint: `give the forge and the runner the same: ${variable}, or a file of yours alone as ${variable}_FILE`,
    });
  }
  const secret = await readSecret(
    variable,
    env[variable] ? { env: variable } : { file: file as string },
    env,
  );
  if (secret.length < leastCharacters) {
    throw new DstackError(
      'secret-unreadable',
      `the secret of the webhooks has fewer than ${leastCharacters} characters`,
      {
        hint: 'make one: openssl rand -hex 32',
      },
    );
  }
  return secret;
}

/**
 * Listens for the forge's pushes, and has the runner look at each; it does not matter to anything but the time until then
 * whether they come.
 * @throws DstackError `bad-listen`, `no-webhook-secret`, `secret-unreadable`, `cannot-listen`
 */
export async function listenForPushes(
  listen: string,
  options: { names: RefNames; log: Pick<Logger, 'info' | 'warn'>; look: () => void },
): Promise<Listening> {
  const { names, log, look } = options;
  const { host, port } = parseListen(listen);
  const server = await openWebhookServer({
    host,
    port,
    secret: await webhookSecret(process.env),
    onPush(_, refs) {
      // The cards of runners are renewed all the time, and nobody waits for them.
      if (refs?.length && refs.every((ref) => names.parse(ref)?.area === 'runners')) return;
      look();
    },
    onRefused: tellNowAndThen(log),
  });
  log.info(
    { address: `${host.includes(':') ? `[${host}]` : host}:${server.port}` },
    'listening for webhooks',
  );
  return server;
}

/** The first refusal is mostly a wrong secret, and worth a line; a flood of them is worth no more. */
function tellNowAndThen(log: Pick<Logger, 'warn'>): (reason: string) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (reason) => {
    untold += 1;
    if (performance.now() - toldAt < toldEvery) return;
    toldAt = performance.now();
    log.warn({ reason, requests: untold }, 'a request to the webhook was refused');
    untold = 0;
  };
}
