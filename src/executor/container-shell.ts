import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex, Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { answerOf, answerUnlessGone } from './docker-client.ts';

/** Who sits at a shell. */
export interface Seat {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Null: no terminal. */
  readonly terminal: Terminal | null;
  /** Who sits there is gone: so is the program, and all that it has started, to end. */
  readonly left: AbortSignal;
}

export interface Terminal {
  /** What programs know it as, `TERM`. */
  readonly type: string;
  size(): { columns: number; rows: number };
  /** @returns takes the listener back */
  onResize(listener: () => void): () => void;
}

/** Bash where there is one. */
export const shellOfImage = ['/bin/sh', '-c', 'command -v bash >/dev/null 2>&1 && exec bash || exec sh'];

/** What Docker takes for the wish to leave. Its own choice, Ctrl+P, brings back a shell's last line. */
const detachKeys = 'ctrl-^,ctrl-],ctrl-^';

/**
 * Runs a program in a running container, as its user, in its working folder, with its variables.
 * @returns its exit code; null if the container ended first, or nobody sits there any more
 * @throws DstackError `docker-refused` if it can't be started
 */
export async function runInContainer(
  docker: Docker,
  id: string,
  command: readonly string[],
  { stdin, stdout, stderr, terminal, left }: Seat,
): Promise<number | null> {
  const container = docker.getContainer(id);
  const mark = `${seatVariable}=${randomUUID()}`;
  const exec = await answerOf(
    container.exec({
      Cmd: [...command],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: terminal !== null,
      DetachKeys: detachKeys,
      Env: [mark, ...(terminal ? [`TERM=${terminal.type}`] : [])],
    }),
  );
  const stream = (await answerOf(
    exec.start({ hijack: true, stdin: true, Tty: terminal !== null }),
  )) as Duplex;
  const resize = async () => {
    const { columns, rows } = terminal?.size() ?? { columns: 0, rows: 0 };
    if (columns > 0 && rows > 0) await exec.resize({ w: columns, h: rows }).catch(() => {});
  };
  const leaveSize = terminal?.onResize(resize);
  await resize();
  const ended = new Promise<void>((resolve) => {
    stream
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve());
    left.addEventListener('abort', () => resolve());
  });
  if (terminal) stream.pipe(stdout, { end: false });
  else docker.modem.demuxStream(stream, stdout, stderr);
  stdin.pipe(stream);
  try {
    await ended;
    if (left.aborted) {
      await hangUp(container, mark).catch(() => {});
      return null;
    }
    const exitCode = await exitCodeOf(exec);
    return exitCode === killed && (await hasEnded(container)) ? null : exitCode;
  } finally {
    stdin.unpipe(stream);
    stream.destroy();
    leaveSize?.();
  }
}

/** By this a program and its children are known in the container: Docker ends none of them with the connection. */
const seatVariable = 'DSTACK_ATTACHED';

/** As a terminal does that is closed. */
async function hangUp(container: Docker.Container, mark: string): Promise<void> {
  const script =
    'for one in /proc/[0-9]*; do grep -qs "$1" "$one/environ" && kill -HUP "${one#/proc/}"; done; true';
  const exec = await answerOf(
    container.exec({ Cmd: ['/bin/sh', '-c', script, 'sh', mark], AttachStdout: true }),
    hangUpMs,
  );
  const stream = await answerOf(exec.start({}), hangUpMs);
  stream.resume();
  await Promise.race([once(stream, 'end'), sleep(hangUpMs, undefined, { ref: false })]);
}

/** How long who is gone already is waited for. */
const hangUpMs = 3_000;

/** What all that is left in a container gets when it ends. */
const killed = 137;

/** What is in a container can be seen to end a moment before that itself. */
async function hasEnded(container: Docker.Container): Promise<boolean> {
  for (let tries = 0; tries < 20; tries += 1) {
    const found = await answerUnlessGone(container.inspect());
    if (!found?.State.Running) return true;
    await sleep(50);
  }
  return false;
}

/** Docker closes the stream a moment before it knows the end. */
async function exitCodeOf(exec: Docker.Exec): Promise<number | null> {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await answerUnlessGone(exec.inspect());
    if (!found) return null;
    if (!found.Running) return found.ExitCode;
    await sleep(20);
  }
  return null;
}
