import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  const child = spawn('/usr/bin/python3', [script, folder, ...ports.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said = String((await once(child.stdout, 'data'))[0]);
  if (!said.startsWith('ready')) throw new Error(`Swift did not start: ${said}`);
  return {
    endpoint: `http://127.0.0.1:${ports[0]}`,
    async stop() {
      child.stdin.end();
      await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
