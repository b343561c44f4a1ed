import type { Readable } from 'node:stream';
import * as z from 'zod';
import { DstackError } from '../errors.ts';
import { parseTree } from '../git/object-reader.ts';
import type { CommitInput } from '../git/write-commits.ts';
import type { SharedRepository } from './shared-repository.ts';

/** What a job tells while it runs, piece by piece: its log, and what it measures. Each is a folder of its claim's tree. */
export const streams = ['log', 'metrics'] as const;
export type StreamName = (typeof streams)[number];

/**
 * A piece of a log: bytes kept in Git or, past the limit, in the store. Numbered from 0 and laid out three levels
 * deep with at most 256 names each, so that adding one costs the same however many there are.
 */
export interface LogChunk {
  readonly number: number;
  /** When it was written, in seconds since 1970 by the runner's clock. */
  readonly seconds: number;
  /** Id of the blob in Git that holds the bytes (or, for a stored one, where they are). */
  readonly blob: string;
  readonly stored: boolean;
}

/** Bytes of a log that go into Git; what follows goes to the store, with a pointer in Git. */
export const logBytesInGit = 1 << 20;

const storedSuffix = '.stored';

/** More of the log: bytes for Git, or where the store has them. */
export type NewChunk = { /** Seconds since 1970. */ readonly at: number } & (
  | { readonly bytes: Uint8Array }
  | { readonly stored: { sha256: string; size: number } }
);

/** Where chunk `number` lies in a claim's tree: `log/00/01/ff.1764021600`, with the second in which it was written. */
export function chunkPath(
  number: number,
  seconds: number,
  stored: boolean,
  stream: StreamName = 'log',
): string {
  const hex = number.toString(16).padStart(6, '0');
  const name = `${hex.slice(4, 6)}.${Math.floor(seconds)}`;
  return `${stream}/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${name}${stored ? storedSuffix : ''}`;
}

const pointerSchema = z.strictObject({
  format: z.literal(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.number().int().nonnegative(),
});

/** Where the store has a stored chunk. @throws ZodError, SyntaxError if that is damaged */
export function parsePointer(content: Uint8Array): { sha256: string; size: number } {
  return pointerSchema.parse(JSON.parse(Buffer.from(content).toString('utf8')));
}

/** The content of a stored chunk's file. */
export function printPointer(pointer: { sha256: string; size: number }): string {
  return `${JSON.stringify({ format: 1, ...pointer })}\n`;
}

/** Chunks as files of a claim's tree, numbered from `first` on. */
export function chunkFiles(
  chunks: readonly NewChunk[],
  first: number,
  stream: StreamName = 'log',
): CommitInput['files'] {
  return chunks.map((chunk, index) => {
    const stored = 'stored' in chunk;
    const content = stored ? printPointer(chunk.stored) : chunk.bytes;
    return { path: chunkPath(first + index, chunk.at, stored, stream), content };
  });
}

/**
 * The chunks of a claim or finished commit from number `from` on, in order, as names only;
 * reads just the folders that can hold them.
 */
export async function listChunks(
  shared: Pick<SharedRepository, 'read' | 'local'>,
  commit: string,
  from = 0,
  stream: StreamName = 'log',
): Promise<LogChunk[]> {
  const idBytes = shared.local.objectFormat === 'sha256' ? 32 : 20;
  const walk = async (path: string, level: number, base: number): Promise<LogChunk[]> => {
    const tree = await shared.read(`${commit}:${path}`);
    if (tree?.type !== 'tree') return [];
    const found: LogChunk[] = [];
    for (const { name, id } of parseTree(tree.content, idBytes)) {
      const part = parseName(name);
      if (part === null) continue;
      const number = base * 256 + part.number;
      if (level < 2) {
        const span = 256 ** (2 - level);
        if ((number + 1) * span > from) found.push(...(await walk(`${path}/${name}`, level + 1, number)));
      } else if (number >= from) {
        found.push({ number, seconds: part.seconds, blob: id, stored: part.stored });
      }
    }
    return found;
  };
  return walk(stream, 0, 0);
}

/** The last so many chunks of a claim or finished commit, the newest first; however many there are, it reads a few folders. */
export async function lastChunks(
  shared: Pick<SharedRepository, 'read' | 'local'>,
  commit: string,
  most: number,
  stream: StreamName = 'log',
): Promise<LogChunk[]> {
  const idBytes = shared.local.objectFormat === 'sha256' ? 32 : 20;
  const found: LogChunk[] = [];
  const walk = async (path: string, level: number, base: number): Promise<void> => {
    const tree = await shared.read(`${commit}:${path}`);
    if (tree?.type !== 'tree') return;
    for (const { name, id } of parseTree(tree.content, idBytes).reverse()) {
      if (found.length >= most) return;
      const part = parseName(name);
      if (part === null) continue;
      const number = base * 256 + part.number;
      if (level < 2) await walk(`${path}/${name}`, level + 1, number);
      else found.push({ number, seconds: part.seconds, blob: id, stored: part.stored });
    }
  };
  await walk(stream, 0, 0);
  return found;
}

/** What the name of a folder of chunks, or of a chunk, says. */
function parseName(name: string): { number: number; seconds: number; stored: boolean } | null {
  const match = /^([0-9a-f]{2})(?:\.(\d+)(\.stored)?)?$/.exec(name);
  if (!match) return null;
  return {
    number: Number.parseInt(match[1] as string, 16),
    seconds: Number(match[2] ?? 0),
    stored: match[3] !== undefined,
  };
}

/** Reads bytes from the store by sha256; null where there is no store to read from. */
export type ReadStored = ((sha256: string) => Promise<Readable>) | null;

export interface LogPiece {
  /** The chunk from which a reader goes on who has this. */
  readonly next: number;
  /** When it was written, in seconds since 1970 by the runner's clock. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/**
 * The bytes of a log from chunk `from` on, piece by piece. What can't be read is said in its place.
 * @param since leaves out chunks written before this second
 */
export async function* readLog(
  shared: Pick<SharedRepository, 'read' | 'local'>,
  commit: string,
  from: number,
  readStored: ReadStored,
  since = 0,
  stream: StreamName = 'log',
): AsyncGenerator<LogPiece> {
  for (const chunk of await listChunks(shared, commit, from, stream)) {
    if (chunk.seconds < since) continue;
    const next = chunk.number + 1;
    const at = chunk.seconds;
    const blob = await shared.read(chunk.blob);
    if (blob?.type !== 'blob') {
      yield {
        next,
        at,
        bytes: Buffer.from(`\n[a part of the ${stream} is missing from the shared repository]\n`),
      };
    } else if (!chunk.stored) {
      yield { next, at, bytes: blob.content };
    } else {
      yield* readPointer(blob.content, next, at, readStored);
    }
  }
}

async function* readPointer(
  content: Uint8Array,
  next: number,
  at: number,
  readStored: ReadStored,
): AsyncGenerator<LogPiece> {
  const missing = (size: string, why = "are in the store, which can't be read here") => ({
    next,
    at,
    bytes: Buffer.from(`\n[${size} of the log ${why}]\n`),
  });
  let pointer: { sha256: string; size: number };
  try {
    pointer = parsePointer(content);
  } catch {
    yield missing('some bytes');
    return;
  }
  if (!readStored) {
    yield missing(`${pointer.size} bytes`);
    return;
  }
  try {
    // Only the last piece moves `next` on, so that a reader who breaks off reads this chunk again.
    for await (const bytes of await readStored(pointer.sha256))
      yield { next: next - 1, at, bytes: bytes as Uint8Array };
    yield { next, at, bytes: new Uint8Array() };
  } catch (error) {
    const isPruned = error instanceof DstackError && error.code === 'artifacts-pruned';
    yield missing(`${pointer.size} bytes`, isPruned ? `are gone: ${error.message}` : undefined);
  }
}
