import { type ChildProcess, spawn } from 'node:child_process';
import { DstackError } from '../errors.ts';
import { gitArguments, gitEnvironment } from './run-git.ts';

export interface GitObject {
  readonly id: string;
  readonly type: 'blob' | 'tree' | 'commit' | 'tag';
  readonly content: Buffer;
}

/** Reads objects through one long-lived `git cat-file --batch`; it sees objects that arrive later, too. */
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
export function openObjectReader(gitDir: string, env: Record<string, string> = {}): ObjectReader {
  let child: ChildProcess | null = null;
  let waiting: Request[] = [];
  let received: Buffer[] = [];
  let receivedBytes = 0;
  let needed = 0;

  const start = (): ChildProcess => {
    const started = spawn('git', gitArguments(['cat-file', '--batch']), {
      cwd: gitDir,
      env: gitEnvironment({ gitDir, env }),
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
          new DstackError('git-failed', `git cat-file ended while reading ${gitDir}`, { cause }),
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

/** An idle reader must not keep the program alive; one with questions open must. */
function unreference(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref?(): void })?.unref?.();
}

function reference(child: ChildProcess): void {
  child.ref();
  for (const stream of [child.stdin, child.stdout]) (stream as unknown as { ref?(): void })?.ref?.();
}

export interface TreeEntry {
  readonly mode: string;
  readonly name: string;
  readonly id: string;
}

/** The entries of a tree object. `idBytes`: 20 for SHA-1, 32 for SHA-256. */
export function parseTree(content: Buffer, idBytes: number): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(32, at);
    const zero = content.indexOf(0, space);
    if (space < 0 || zero < 0) break;
    entries.push({
      mode: content.toString('latin1', at, space),
      name: content.toString('utf8', space + 1, zero),
      id: content.toString('hex', zero + 1, zero + 1 + idBytes),
    });
    at = zero + 1 + idBytes;
  }
  return entries;
}

export interface ParsedCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  /** `Name <mail>` without the time. */
  readonly author: string;
  /** Milliseconds since 1970. */
  readonly committedAt: number;
  readonly message: string;
}

/**
 * Takes a commit object apart as Git does: the tree comes first, then the parents; what bears these names later is a
 * header of somebody else's.
 */
export function parseCommit(content: Buffer): ParsedCommit {
  const text = content.toString('utf8');
  const blank = text.indexOf('\n\n');
  const [first = '', ...lines] = text.slice(0, blank < 0 ? undefined : blank).split('\n');
  const ends = lines.findIndex((line) => !line.startsWith('parent '));
  const header = (key: string) => lines.find((line) => line.startsWith(key))?.slice(key.length) ?? '';
  return {
    tree: first.startsWith('tree ') ? first.slice(5) : '',
    parents: lines.slice(0, ends < 0 ? undefined : ends).map((line) => line.slice(7)),
    author: header('author ').replace(/ \d+ [+-]\d+$/, ''),
    committedAt: Number(/ (\d+) [+-]\d+$/.exec(header('committer '))?.[1] ?? 0) * 1000,
    message: blank < 0 ? '' : text.slice(blank + 2),
  };
}

/** The trailers at the end of a commit message, in order: `Key: value` lines of its last paragraph. */
export function parseTrailers(message: string): [key: string, value: string][] {
  const last = message.trimEnd().split(/\n\n+/).at(-1) ?? '';
  return last.split('\n').flatMap((line): [string, string][] => {
    const match = /^([A-Za-z][A-Za-z0-9-]*): (.*)$/.exec(line);
    return match ? [[match[1] as string, match[2] as string]] : [];
  });
}
