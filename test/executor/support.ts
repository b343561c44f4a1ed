import { randomBytes } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  Execution,
  ExecutionResult,
  ExecutionSpec,
  Executor,
  ImageIdentity,
} from '../../src/executor/executor.ts';

const folders: string[] = [];

/** An empty folder, removed by {@link removeFolders}. */
export function temporaryFolder(parent = os.tmpdir()): string {
  const folder = realpathSync(mkdtempSync(path.join(parent, 'dstack-executor-test-')));
  folders.push(folder);
  return folder;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A spec with a workspace and a nonce of its own. */
export function specOf(commands: readonly string[], more: Partial<ExecutionSpec> = {}): ExecutionSpec {
  const nonce = randomBytes(8).toString('hex');
  return {
    identity: { runner: `runner-${nonce}`, run: 'brave-otter-7k2m', job: 'train', attempt: 1, nonce },
    image: null,
    commands,
    env: {},
    workspace: temporaryFolder(),
    workingDir: '.',
    limits: { cpu: null, memory: null, shmSize: null },
    gpus: null,
    ports: [],
    ...more,
  };
}

export interface Started {
  readonly spec: ExecutionSpec;
  readonly execution: Execution;
  readonly finished: Promise<ExecutionResult>;
  readonly phases: string[];
  /** Where its ports can be reached. */
  readonly ports: [port: number, at: number][];
  /** What belongs into its log beside its output. */
  readonly notices: string[];
  /** The image that it ran in, once that is told. */
  image(): ImageIdentity | undefined;
  bytes(): Buffer;
  text(): string;
}

const running = new Set<Execution>();

/** Ends what a failed test has left running. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((execution) => execution.stop(0)));
}

export async function start(executor: Executor, spec: ExecutionSpec): Promise<Started> {
  const chunks: Uint8Array[] = [];
  const phases: string[] = [];
  const ports: [number, number][] = [];
  const notices: string[] = [];
  let image: ImageIdentity | undefined;
  const execution = await executor.start(spec, {
    output: (chunk) => chunks.push(chunk),
    port: (port, at) => ports.push([port, at]),
    notice: (line) => notices.push(line),
    image(found) {
      image = found;
    },
    phase: (phase, detail) => phases.push(detail === undefined ? phase : `${phase} ${detail}`),
  });
  running.add(execution);
  execution.finished.then(() => running.delete(execution));
  const bytes = () => Buffer.concat(chunks);
  return {
    spec,
    execution,
    finished: execution.finished,
    phases,
    ports,
    notices,
    image: () => image,
    bytes,
    text: () => bytes().toString(),
  };
}

/** Runs it to its end. */
export async function run(
  executor: Executor,
  spec: ExecutionSpec,
): Promise<Started & { result: ExecutionResult }> {
  const started = await start(executor, spec);
  return { ...started, result: await started.finished };
}

/** Waits for something to become true, far longer than it should take. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await sleep(20);
  }
}

export const exited = (exitCode: number): ExecutionResult => ({ exitCode, signal: null, failure: null });
export const signalled = (signal: string): ExecutionResult => ({ exitCode: null, signal, failure: null });
