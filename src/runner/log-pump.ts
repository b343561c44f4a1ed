import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { diskFull, saysDiskFull } from '../disk-full.ts';
import { reasonIn } from '../errors.ts';
import { logBytesInGit, type NewChunk } from '../ledger/log-chunks.ts';
import { logTailBytes } from '../ledger/log-note.ts';
import { logFailed } from '../ledger/reasons.ts';
import type { Store } from '../store/store.ts';
import { flushSpacing } from './flush-spacing.ts';

/** Of what goes into the store, in bytes. */
const storedPiece = 16 << 20;

/** A job's output, or what it measures, on its way to the ledger. The whole of it also lies in a file, so memory stays bounded. */
export interface LogPump {
  /** Never throws: output that can't be kept is counted as a problem. */
  push(bytes: Uint8Array): void;
  /** No output comes after this. Tells what the record says of the log, and what has not been sent. */
  end(): Promise<LogEnd>;
  /** Releases the file. */
  close(): void;
}

export interface LogEnd {
  readonly bytes: number;
  readonly sha256: string;
  readonly stored: boolean;
  readonly tail: Uint8Array | null;
  readonly rest: readonly NewChunk[];
  /** Why the log is not whole. */
  readonly problem: string | null;
}

export interface LogPumpOptions {
  /** Where the whole log is kept while the job runs. */
  file: string;
  /** What earlier attempts left; counted as sent. */
  inherited: AsyncIterable<Uint8Array> | null;
  store: Store;
  /** Whether a log of which Git has only a part is put into the store as a whole, too. */
  whole: boolean;
  /** Hands pieces over; they reach the ledger in this order. Resolves when they are there, or will go with the next. */
  send(chunks: readonly NewChunk[]): Promise<unknown>;
}

export async function openLogPump({ file, inherited, store, whole, send }: LogPumpOptions): Promise<LogPump> {
  /** Most jobs of no length print nothing. */
  let descriptor: number | null = null;
  const hash = createHash('sha256');
  let total = 0;
  let sent = 0;
  let problem: string | null = null;
  let timer: NodeJS.Timeout | null = null;
  const spacing = flushSpacing(performance.now());
  let sending: Promise<void> = Promise.resolve();
  let ended = false;
  let closed = false;

  const append = (bytes: Uint8Array) => {
    descriptor ??= openSync(file, 'w+');
    for (let at = 0; at < bytes.length; ) {
      const count = writeSync(descriptor, bytes, at, bytes.length - at, total);
      hash.update(bytes.subarray(at, at + count));
      total += count;
      at += count;
    }
  };
  const read = (from: number, to: number): Uint8Array => {
    const bytes = Buffer.alloc(to - from);
    let filled = 0;
    while (descriptor !== null && filled < bytes.length) {
      const count = readSync(descriptor, bytes, filled, bytes.length - filled, from + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  };

  /** The next piece, of either kind; null if all has been taken. */
  const takePiece = async (): Promise<NewChunk | null> => {
    const inGit = sent < logBytesInGit;
    const from = sent;
    const to = Math.min(total, inGit ? logBytesInGit : from + storedPiece);
    if (to <= from) return null;
    sent = to;
    const bytes = read(from, to);
    if (inGit) return { at: now(), bytes };
    try {
      return { at: now(), stored: await store.putBytes(bytes) };
    } catch (error) {
      // The job must not die of its log while it runs: the whole of it is tried again at the end.
      const words = `\n[${bytes.length} bytes of output could not be stored: ${(error as Error).message}]\n`;
      return { at: now(), bytes: Buffer.from(words) };
    }
  };
  const schedule = () => {
    if (timer || ended || total === sent) return;
    timer = setTimeout(() => {
      sending = flush();
    }, spacing.delay(performance.now()));
  };
  const flush = async () => {
    const start = performance.now();
    const piece = await takePiece();
    if (piece) await send([piece]).catch(() => {});
    timer = null;
    spacing.sent(start, performance.now(), sent >= logBytesInGit);
    schedule();
  };

  for await (const piece of inherited ?? []) append(piece);
  sent = total;

  return {
    push(bytes) {
      if (closed || problem !== null) return;
      try {
        append(bytes);
        schedule();
      } catch (error) {
        const isFull = saysDiskFull((error as Error).message);
        problem = logFailed(reasonIn(isFull ? diskFull(dirname(file)) : error));
      }
    },
    async end() {
      ended = true;
      if (timer) clearTimeout(timer);
      await sending;
      const rest: NewChunk[] = [];
      for (let piece = await takePiece(); piece; piece = await takePiece()) rest.push(piece);
      const sha256 = hash.digest('hex');
      const long = total > logBytesInGit;
      const failure = long && whole ? await storeWhole(store, file, sha256) : null;
      return {
        bytes: total,
        sha256,
        stored: long && whole && failure === null,
        tail: long ? read(Math.max(logBytesInGit, total - logTailBytes), total) : null,
        rest,
        problem: problem ?? failure,
      };
    },
    close() {
      if (timer) clearTimeout(timer);
      ended = true;
      // A piece that is being read has been read: reading is synchronous.
      if (descriptor !== null) closeSync(descriptor);
      descriptor = null;
      closed = true;
    },
  };
}

function now(): number {
  return Date.now() / 1000;
}

async function storeWhole(store: Store, file: string, sha256: string): Promise<string | null> {
  try {
    await store.putFile(file, sha256);
    return null;
  } catch (error) {
    return logFailed(reasonIn(error));
  }
}
