import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { DstackError } from '../errors.ts';
import type { GitObject } from './object-reader.ts';
import { gitArguments, gitEnvironment } from './run-git.ts';

export interface ObjectSize {
  readonly id: string;
  readonly type: GitObject['type'];
  /** Bytes. */
  readonly size: number;
}

/** Tells what an object is before anybody reads it: one of another's making can be as large as a disk. */
export interface SizeReader {
  /** `name`: an id or a full ref name. Null if there is no such object. @throws DstackError `git-failed` */
  look(name: string): Promise<ObjectSize | null>;
  close(): void;
}

/** Asks one long-lived `git cat-file --batch-check`, which starts at the first question. */
export function openSizeReader(gitDir: string, env: Record<string, string> = {}): SizeReader {
  let waiting: { resolve(size: ObjectSize | null): void; reject(error: Error): void }[] = [];
  let ended = false;
  const fail = (cause?: unknown) => {
    ended = true;
    const error = new DstackError('git-failed', `git cat-file ended while reading ${gitDir}`, {
      cause,
      hint: 'it was killed, or the repository is damaged: try again, then `git fsck` there',
    });
    for (const { reject } of waiting) reject(error);
    waiting = [];
  };
  const start = () => {
    const child = spawn('git', gitArguments(['cat-file', '--batch-check']), {
      cwd: gitDir,
      env: gitEnvironment({ gitDir, env }),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.once('error', fail);
    child.once('close', () => fail());
    child.stdin.on('error', fail);
    createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(parseLine(line)));
    return child;
  };
  let child: ReturnType<typeof start> | null = null;
  return {
    look(name) {
      if (/[\n\0]/.test(name)) return Promise.resolve(null);
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        if (ended) return fail();
        child ??= start();
        child.stdin.write(`${name}\n`);
      });
    },
    close() {
      ended = true;
      child?.stdin.end();
    },
  };
}

function parseLine(line: string): ObjectSize | null {
  const match = /^([0-9a-f]+) (blob|tree|commit|tag) (\d+)$/.exec(line);
  if (!match) return null;
  return { id: match[1] as string, type: match[2] as GitObject['type'], size: Number(match[3]) };
}
