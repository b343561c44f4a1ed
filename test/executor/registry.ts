import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { until } from './support.ts';

/** Who may log in where a login is needed; what stands in the password file is bcrypt's. */
export const login = { username: 'me', password: 'hunter2' };
const passwordFile = 'me:$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.\n';

/** Debian's `docker-registry`, the very server behind many registries. */
export interface Registry {
  /** `127.0.0.1:<port>`; Docker talks plain HTTP to that. */
  readonly address: string;
  /** From now on it sends about 3 MB a second. */
  slowDown(): void;
  /** Makes this image the one that a name, such as `app:1`, points at here; Docker forgets it, if it has no other name. */
  push(image: string, name: string): Promise<void>;
  /** Requests that were answered so far, such as `GET /v2/app/manifests/1 200`. */
  requests(): string[];
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** A reason why there is none on this machine, or null. */
export function lacksRegistry(): string | null {
  try {
    execFileSync('docker-registry', ['--version'], { stdio: 'ignore' });
    return null;
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('CI has no docker-registry', { cause: error });
    return 'docker-registry is not installed';
  }
}

/**
 * Starts one that keeps what it has in a folder, so that it can be killed and started again.
 * @param options.login its users have to log in
 */
export async function startRegistry(
  docker: Docker,
  folder: string,
  options: { login?: boolean } = {},
): Promise<Registry> {
  const port = await freePort();
  const relay = await startRelay(port);
  const address = `127.0.0.1:${relay.port}`;
  const config = path.join(folder, 'registry.json');
  const passwords = path.join(folder, 'htpasswd');
  mkdirSync(path.join(folder, 'data'));
  writeFileSync(passwords, passwordFile);
  // JSON is YAML, too.
  writeFileSync(
    config,
    JSON.stringify({
      version: '0.1',
      log: { level: 'error', accesslog: { disabled: false } },
      storage: { filesystem: { rootdirectory: path.join(folder, 'data') } },
      http: { addr: `127.0.0.1:${port}`, secret: 'x' },
      ...(options.login && { auth: { htpasswd: { realm: 'test', path: passwords } } }),
    }),
  );
  let child: ChildProcess | undefined;
  let said = '';
  const registry: Registry = {
    address,
    slowDown: relay.slowDown,
    requests: () =>
      [...said.matchAll(/"(GET|HEAD) (\/v2\/\S*) HTTP\/1\.1" (\d+)/g)].map((found) =>
        found.slice(1).join(' '),
      ),
    async push(image, name) {
      // By another address of it, so that what was pulled by the first one stays as it is.
      const [repo, tag] = `127.0.0.1:${port}/${name}`.split(/:(?=[^:]*$)/) as [string, string];
      await docker.getImage(image).tag({ repo, tag });
      const auth = options.login ? { ...login, serveraddress: `127.0.0.1:${port}` } : { base64: 'e30=' };
      const stream = await docker.getImage(`${repo}:${tag}`).push({ authconfig: auth as Docker.AuthConfig });
      await finished(stream as Readable);
      await docker.getImage(`${repo}:${tag}`).remove();
    },
    async start() {
      child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'pipe', 'pipe'] });
      for (const output of [child.stdout, child.stderr]) {
        output?.setEncoding('utf8').on('data', (text: string) => {
          said += text;
        });
      }
      await until(() => answers(port), 'the registry answers');
    },
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'close');
      child.kill('SIGKILL');
      await gone;
    },
    async close() {
      await registry.kill();
      await relay.close();
    },
  };
  await registry.start();
  return registry;
}

/** Docker tells its failures as a line of JSON. */
async function finished(stream: Readable): Promise<void> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  const failed = /"error":"([^"]*)"/.exec(text);
  if (failed) throw new Error(`docker push: ${failed[1]}`);
}

/** Passes connections on to a port of this machine. */
async function startRelay(target: number) {
  const sockets = new Set<net.Socket>();
  let slow = false;
  const server = net.createServer((near) => {
    const far = net.connect(target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (chunk) => {
      near.write(chunk);
      if (!slow) return;
      far.pause();
      setTimeout(() => far.resume(), 20); // After 64 KiB at most.
    });
    far.on('end', () => near.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    slowDown() {
      slow = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/v2/`).then(
    () => true,
    () => false,
  );
}

/** An image like `dstack-test/busybox` that no other is the same as. To be removed by its id. */
export async function uniqueImage(docker: Docker, bytes = 16): Promise<string> {
  const script = `head -c ${bytes} /dev/urandom >/unique; echo ${randomBytes(8).toString('hex')} >/which`;
  const container = await docker.createContainer({
    Image: 'dstack-test/busybox',
    Cmd: ['/bin/sh', '-c', script],
    HostConfig: { NetworkMode: 'none' },
  });
  try {
    await container.start();
    await container.wait();
    const { Id: id } = await container.commit({ changes: ['CMD []'] });
    return id;
  } finally {
    await container.remove();
  }
}
