import { once } from 'node:events';
import { rmSync } from 'node:fs';
import net from 'node:net';

export interface SocketProxy {
  readonly file: string;
  start(): Promise<void>;
  /** Cuts every connection, and accepts no more. */
  stop(): Promise<void>;
}

/** Passes a Unix socket on to another one, and can be cut off. */
export async function startSocketProxy(file: string, target: string): Promise<SocketProxy> {
  const sockets = new Set<net.Socket>();
  let server: net.Server | undefined;

  function join(client: net.Socket): void {
    const upstream = net.connect(target);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }

  const proxy: SocketProxy = {
    file,
    async start() {
      server = net.createServer({ allowHalfOpen: true }, join).listen(file);
      await once(server, 'listening');
    },
    async stop() {
      const closed = new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
      for (const socket of sockets) socket.destroy();
      await closed;
      server = undefined;
      rmSync(file, { force: true });
    },
  };
  await proxy.start();
  return proxy;
}
