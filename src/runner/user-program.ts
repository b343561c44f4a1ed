import { spawn } from 'node:child_process';
import { homedir } from 'node:os';

/** How long a program may take; milliseconds. */
const longestMs = 30_000;

export interface ProgramOptions {
  /** More than this ends it; null: what it prints is ignored, and nothing is returned. */
  readonly mostBytes: number | null;
  readonly longestMs?: number;
  /** What it reads on standard input; without it, nothing. */
  readonly input?: string;
  /** Its environment; without it, this process's own. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * What a program prints that the user's own settings name. It is started without a shell, in the user's home (never in a
 * project, from which it might load something), and ended with all that it has started if it takes too long.
 * @throws Error whose message says how it failed, and nothing of what it printed
 */
export function outputOf(
  [program, ...args]: readonly [string, ...string[]],
  options: ProgramOptions,
): Promise<Buffer> {
  const { mostBytes, input } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: homedir(),
      env: options.env ?? process.env,
      stdio: [input === undefined ? 'ignore' : 'pipe', mostBytes === null ? 'ignore' : 'pipe', 'ignore'],
      detached: true, // A group of its own, to be ended as one.
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    const abandon = (problem: string) => {
      clearTimeout(timer);
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
      child.stdout?.destroy();
      child.stdin?.destroy();
      reject(new Error(problem));
    };
    const limit = options.longestMs ?? longestMs;
    const timer = setTimeout(() => abandon(`did not end within ${limit / 1000} s`), limit);
    child.once('error', (error: NodeJS.ErrnoException) =>
      abandon(error.code === 'ENOENT' ? 'is not installed here' : `could not be started (${error.code})`),
    );
    // Whoever has too many files open gets a child without any.
    child.stdout?.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > (mostBytes ?? 0)) abandon('printed more than a secret may have');
      else chunks.push(chunk);
    });
    // It need not read to the end.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(Buffer.concat(chunks));
      else reject(new Error(code === null ? `was ended by ${signal}` : `ended with exit code ${code}`));
    });
  });
}
