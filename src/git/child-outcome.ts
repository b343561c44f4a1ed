import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { End } from './end-process.ts';

/** All that a process has written, and how it ended. */
export interface ChildOutcome {
  /** Null: a signal has ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** More than this is no answer that fits into memory; bytes. */
const mostOutput = 1 << 30;

/** Hands a process its input, and waits for its end and for that of its output, which what it has started may hold open. */
export function outcomeOf(
  child: ChildProcessWithoutNullStreams,
  input: string | Uint8Array,
  end: End,
): Promise<ChildOutcome> {
  const collect = (stream: NodeJS.ReadableStream): Buffer[] => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= mostOutput) chunks.push(chunk);
      else end('SIGKILL');
    });
    return chunks;
  };
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  // Whoever doesn't read it to its end says why.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  // That it can't be signalled: it goes on.
  child.on('error', () => {});
  return new Promise((resolve) => {
    child.once('close', (exitCode, signal) =>
      resolve({
        exitCode,
        signal,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString('utf8'),
      }),
    );
  });
}

/** Why a process has not been started. */
export function whyNotStarted(child: ChildProcessWithoutNullStreams): Promise<NodeJS.ErrnoException> {
  return new Promise((resolve) => child.once('error', resolve));
}
