import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { freePort } from '../git/free-port.ts';

/** What is missing for this server; null: nothing. */
export const missing = existsSync('/usr/lib/python3/dist-packages/swift')
  ? null
  : 'python3-swift is not installed';

/** What it lets in, by the names of the variables that the SDK reads. */
export const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'test:tester',
  AWS_SECRET_ACCESS_KEY: 'sesame-4711-open',
} as const;

export interface Server {
  endpoint: string;
  /** Kills all its processes at once. What it has on disk stays. */
  kill(): Promise<void>;
  /** Starts it again where it was, with what it has on disk. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts OpenStack Swift with its S3 interface: a real object store, of which Debian has a package. */
export async function startSwift(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'dstack-swift-'));
  const ports: number[] = [];
  while (ports.length < 4) {
    const port = await freePort();
    if (!ports.includes(port)) ports.push(port);
  }
  const script = new URL('swift-server.py', import.meta.url).pathname;
  const start = async () => {
    const child = spawn('/usr/bin/python3', [script, folder, ...ports.map(String)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const said = await firstLine(child.stdout);
    if (!said.startsWith('ready')) throw new Error(`Swift did not start: ${said}`);
    return { child, servers: said.split(' ').slice(1).map(Number) };
  };
  let running = await start();
  const ended = async (end: (child: ChildProcess) => void) => {
    const { child } = running;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    end(child);
    await exit;
  };
  return {
    endpoint: `http://127.0.0.1:${ports[0]}`,
    kill: () =>
      ended((child) => {
        // Itself first: without those behind it, it would answer that nothing is there.
        for (const pid of [...running.servers, child.pid as number]) process.kill(pid, 'SIGKILL');
      }),
    async start() {
      running = await start();
    },
    async stop() {
      await ended((child) => child.stdin?.end());
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function firstLine(stream: Readable): Promise<string> {
  let text = '';
  for await (const part of stream.iterator({ destroyOnReturn: false })) {
    text += part;
    if (text.includes('\n')) break;
  }
  return text.trim();
}
