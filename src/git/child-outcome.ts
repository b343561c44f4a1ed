import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { End } from './end-process.ts';

/** All that a process has written, and how it ended. */
export interface ChildOutcome {
  /** Null: a signal has ended it, or it could not be started. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error: NodeJS.ErrnoException | null;
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
  return new Promise((resolve) => {
    let failure: Error | null = null;
    const finish = (exitCode: number | null, signal: NodeJS.Signals | null) =>
      resolve({
        exitCode,
        signal,
        error: failure,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString('utf8'),
      });
    child.once('error', (error) => {
      failure = error;
      if (child.pid === undefined) finish(null, null);
    });
    child.once('close', finish);
  });
}
