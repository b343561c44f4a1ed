import { spawn } from 'node:child_process';
import { homedir } from 'node:os';

/** How long a program may take that a runner asks for a secret; milliseconds. */
const longestMs = 30_000;

/**
 * What a program prints. It is started without a shell, in the user's home (never in a project, from which it might load
 * something), and ended with all that it has started if it takes too long.
 * @throws Error whose message says how it failed, and nothing of what it printed
 */
export function outputOf(
  [program, ...args]: readonly [string, ...string[]],
  options: { mostBytes: number; longestMs?: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: homedir(),
      stdio: ['ignore', 'pipe', 'ignore'],
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
      if (bytes > options.mostBytes) abandon('printed more than a secret may have');
      else chunks.push(chunk);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(Buffer.concat(chunks));
      else reject(new Error(code === null ? `was ended by ${signal}` : `ended with exit code ${code}`));
    });
  });
}
