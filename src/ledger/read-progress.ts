import type { Readable } from 'node:stream';
import { collapseCarriageReturns, createLogSanitizer } from '../terminal-text.ts';
import type { Ledger } from './ledger.ts';
import { type LogChunk, lastChunks, parsePointer, type StreamName } from './log-chunks.ts';
import type { Measurements } from './measurements.ts';
import { addMeasurements, parseMeasurements } from './metrics.ts';
import type { SharedRepository } from './shared-repository.ts';

/** What a job has told last. */
export interface JobProgress {
  /** The last lines of its output that are not empty, progress bars in their last state; plain text, safe to print. */
  readonly lines: readonly string[];
  /** The newest value of what it measured lately; null: nothing. */
  readonly metrics: Measurements | null;
}

/** Reads a stretch of what the store has, by sha256; null where there is no store to read from. */
export type ReadStretch =
  | ((sha256: string, range: { offset: number; length: number }) => Promise<Readable>)
  | null;

/** So much is read, however long the job has been running. */
const mostChunks = 4;
const mostBytes = 16 << 10;
const mostLines = 20;
const longestLine = 500;

/**
 * How far a job has come, from the commit that holds its log, which must be in the local repository. What can't be read
 * is left out.
 */
export async function readProgress(
  ledger: Ledger,
  commit: string,
  readStretch: ReadStretch,
): Promise<JobProgress> {
  const [log, metrics] = await Promise.all([
    endOf(ledger.shared, commit, 'log', readStretch),
    endOf(ledger.shared, commit, 'metrics', readStretch),
  ]);
  return { lines: lastLines(log), metrics: lastMeasurements(metrics.toString('utf8')) };
}

/** The last lines of raw output. Pure. */
export function lastLines(output: Uint8Array): string[] {
  const sanitizer = createLogSanitizer({ colour: false });
  const text = sanitizer.push(output) + sanitizer.end();
  const lines = text.split('\n').map((line) => collapseCarriageReturns(line).replaceAll('\t', ' ').trimEnd());
  return lines
    .filter((line) => line !== '')
    .slice(-mostLines)
    .map((line) => line.slice(0, longestLine));
}

/** The newest value of every name in the last lines of a file of metrics. Pure. */
export function lastMeasurements(text: string): Measurements | null {
  const measured = text.split('\n').flatMap((line) => {
    const found = parseMeasurements(line);
    return found === null ? [] : [found];
  });
  return measured.length === 0 ? null : measured.reduce(addMeasurements);
}

async function endOf(
  shared: SharedRepository,
  commit: string,
  stream: StreamName,
  readStretch: ReadStretch,
): Promise<Buffer> {
  let end: Buffer = Buffer.alloc(0);
  for (const chunk of await lastChunks(shared, commit, mostChunks, stream)) {
    if (end.length >= mostBytes) break;
    const bytes = await endOfChunk(shared, chunk, mostBytes - end.length, readStretch);
    // Beyond what can't be read is another place of the text.
    if (bytes === null) break;
    end = Buffer.concat([bytes, end]);
  }
  return end;
}

async function endOfChunk(
  shared: SharedRepository,
  chunk: LogChunk,
  most: number,
  readStretch: ReadStretch,
): Promise<Uint8Array | null> {
  const blob = await shared.read(chunk.blob);
  if (blob?.type !== 'blob') return null;
  if (!chunk.stored) return blob.content.subarray(-most);
  if (readStretch === null) return null;
  try {
    const { sha256, size } = parsePointer(blob.content);
    const offset = Math.max(0, size - most);
    const pieces: Uint8Array[] = [];
    for await (const bytes of await readStretch(sha256, { offset, length: size - offset }))
      pieces.push(bytes as Uint8Array);
    return Buffer.concat(pieces);
  } catch {
    return null;
  }
}
