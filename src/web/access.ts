import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What whoever may look at the page knows: 192 bits, in letters that an address can have. */
export function newToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Has the request the token? It takes the same time whatever it has. */
export function hasToken(headers: IncomingHttpHeaders, token: string): boolean {
  const given = /^Bearer ([\w-]{1,200})$/.exec(headers.authorization ?? '')?.[1] ?? '';
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/**
 * Was it this machine's own address that was asked for? A page elsewhere can have its own name lead here, and would then be
 * taken by a browser for the same site.
 */
export function isOwnHost(host: string | undefined, port: number): boolean {
  return ['127.0.0.1', 'localhost'].some(
    // Browsers leave out the usual port.
    (own) => host === `${own}:${port}` || (port === 80 && host === own),
  );
}
