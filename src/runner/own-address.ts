import { createServer } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';

/** Those that Docker and the like make: reached from this machine alone. */
const virtual = /^(docker|br-|veth|virbr|cni|flannel|podman)/;

/** Where other machines probably reach this one: its first address that is not only its own, or its name. */
export function ownAddress(): string {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (virtual.test(name)) continue;
    const found = addresses?.find(({ family, internal }) => family === 'IPv4' && !internal);
    if (found) return found.address;
  }
  return hostname();
}

/** A TCP port at which nothing listens now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('there is no free port');
  return address.port;
}
