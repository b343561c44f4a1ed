import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { DstackError } from '../errors.ts';
import { reference, unreference } from './keep-alive.ts';
import { readLoose } from './loose-reader.ts';
import type { GitObject } from './parse-object.ts';
import { gitArguments, gitEnvironment } from './run-git.ts';

export {
  type GitObject,
  type ParsedCommit,
  parseCommit,
  parseTrailers,
  parseTree,
  type TreeEntry,
} from './parse-object.ts';

/**
 * Reads objects, as they are and not as `refs/replace` would show them: through one long-lived `git cat-file --batch`,
 * or from their own files. It sees objects that arrive later, too.
 */
export interface ObjectReader {
  /** `name`: an id, a full ref name, or `<id>:<path>`. Null if there is no such object. */
  read(name: string): Promise<GitObject | null>;
  close(): void;
}

interface Request {
  resolve(object: GitObject | null): void;
  reject(error: Error): void;
}

/**
 * Opens a reader on a repository's own folder. The process starts at the first read, and again if it died.
 * @param env variables for Git, such as where else objects lie
 */
export function openObjectReader(gitDir: string, env?: Record<string, string>): ObjectReader {
  let child: ChildProcess | null = null;
  let waiting: Request[] = [];
  let received: Buffer[] = [];
  let receivedBytes = 0;
  let needed = 0;

  const start = (): ChildProcess => {
    const started = spawn('git', gitArguments(['cat-file', '--batch']), {
      cwd: gitDir,
      env: gitEnvironment({ gitDir, env: { ...env, GIT_NO_REPLACE_OBJECTS: '1' } }),
      stdio: ['pipe', 'pipe', 'ignore'],
      // A Ctrl+C in the terminal is not for it; it ends when its input does.
      detached: true,
    });
    const fail = (cause?: unknown) => {
      if (child !== started) return;
      child = null;
      const failed = waiting;
      waiting = [];
      received = [];
      receivedBytes = 0;
      needed = 0;
      for (const request of failed) {
        request.reject(
          new DstackError('git-failed', `git cat-file ended while reading ${gitDir}`, {
            cause,
            hint: 'it was killed, or the repository is damaged: try again, then `git fsck` there',
          }),
        );
      }
      unreference(started);
    };
    started.on('error', fail);
    started.on('close', () => fail());
    started.stdin?.on('error', fail);
    started.stdout?.on('data', (chunk: Buffer) => {
      received.push(chunk);
      receivedBytes += chunk.length;
      if (receivedBytes >= needed) deliver();
    });
    return started;
  };

  /** Hands out every whole answer; joins the received pieces only when one can be complete. */
  const deliver = (): void => {
    let buffer = received.length === 1 ? (received[0] as Buffer) : Buffer.concat(received);
    needed = 0;
    while (waiting.length > 0) {
      const answer = parseAnswer(buffer);
      if (typeof answer === 'number') {
        needed = answer;
        break;
      }
      buffer = buffer.subarray(answer.length);
      (waiting.shift() as Request).resolve(answer.object);
    }
    received = buffer.length > 0 ? [buffer] : [];
    receivedBytes = buffer.length;
    if (waiting.length === 0 && child) unreference(child);
  };

  return {
    read(name) {
      if (/[\n\0]/.test(name)) return Promise.resolve(null);
      // With variables objects may lie elsewhere.
      const loose = env === undefined ? readLoose(join(gitDir, 'objects'), name) : undefined;
      if (loose !== undefined) return Promise.resolve(loose);
      return new Promise((resolve, reject) => {
        child ??= start();
        waiting.push({ resolve, reject });
        reference(child);
        child.stdin?.write(`${name}\n`);
      });
    },
    close() {
      const closing = child;
      child = null;
      closing?.stdin?.end();
      closing?.kill();
    },
  };
}

/** One answer of `cat-file --batch`, or how many bytes it takes before it can be complete. */
function parseAnswer(buffer: Buffer): { object: GitObject | null; length: number } | number {
  const end = buffer.indexOf(10);
  if (end < 0) return buffer.length + 1;
  const header = buffer.toString('utf8', 0, end);
  const match = /^([0-9a-f]+) (blob|tree|commit|tag) (\d+)$/.exec(header);
  if (!match) return { object: null, length: end + 1 };
  const total = end + 1 + Number(match[3]) + 1;
  if (buffer.length < total) return total;
  const content = Buffer.from(buffer.subarray(end + 1, total - 1));
  return { object: { id: match[1] as string, type: match[2] as GitObject['type'], content }, length: total };
}
