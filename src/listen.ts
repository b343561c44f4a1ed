import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DstackError } from './errors.ts';

export interface Listening {
  readonly port: number;
  /** Hangs up on everybody. */
  close(): Promise<void>;
}

/**
 * Lets a server listen.
 * @param place 0 as port: any that is free
 * @param failure makes of why it can't, in words, what is thrown
 */
export async function listen(
  server: Server,
  { host, port }: { host: string; port: number },
  failure: (why: string, cause: unknown) => DstackError,
): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(failure(whyNot(error), error)));
    server.listen(port, host, resolve);
  });
  server.on('error', () => {});
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function whyNot({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'another program does';
    case 'EACCES':
      return 'the user may not';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address';
    default:
      return code ?? message;
  }
}
