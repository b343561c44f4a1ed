import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What went over a link. A round trip: something was sent after something had come. */
export interface Traffic {
  connections: number;
  roundTrips: number;
  bytes: number;
}

export interface SlowLink {
  readonly port: number;
  /** What went over it since this was last asked. */
  traffic(): Traffic;
  close(): Promise<void>;
}

/** A TCP proxy to a port of this machine that holds up whatever passes it, each way for `delay` milliseconds. */
export async function startSlowLink(target: number, delay = 0): Promise<SlowLink> {
  const none = (): Traffic => ({ connections: 0, roundTrips: 0, bytes: 0 });
  let counted = none();
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    counted.connections += 1;
    // Making the connection takes one.
    counted.roundTrips += 1;
    let answered = true;
    near.on('data', () => {
      if (answered) counted.roundTrips += 1;
      answered = false;
    });
    far.on('data', () => {
      answered = true;
    });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (chunk: Buffer) => {
        counted.bytes += chunk.length;
      });
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
      pass(from, to, delay);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    traffic() {
      const since = counted;
      counted = none();
      return since;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** What comes later never arrives earlier: timers of the same length fire in order. */
function pass(from: Duplex, to: Duplex, delay: number): void {
  const later = (act: () => void) => {
    if (delay === 0) act();
    else setTimeout(act, delay);
  };
  from.on('data', (chunk: Buffer) => later(() => to.writable && to.write(chunk)));
  from.on('end', () => later(() => to.end()));
}
