import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { NewChunk } from '../ledger/claims.ts';
import { logBytesInGit } from '../ledger/log-chunks.ts';
import { logTailBytes } from '../ledger/log-note.ts';
import type { Store } from '../store/store.ts';

/** How long a line may wait before it is sent; half of what a reader is promised. */
const flushAfter = 400;
/** Past Git's share each piece is a blob in the store, so pieces are larger and rarer. */
const storedFlushAfter = 2_000;
const storedPiece = 16 << 20;

/** A job's output on its way to the ledger. The whole of it also lies in a file, so memory stays bounded. */
export interface LogPump {
  push(bytes: Uint8Array): void;
  /** Sends what is left, and tells what the record says of the log. */
  end(): Promise<{ bytes: number; sha256: string; stored: boolean; tail: Uint8Array | null }>;
}

export interface LogPumpOptions {
  /** Where the whole log is kept while the job runs. */
  file: string;
  /** What earlier attempts left; counted as sent. */
  inherited: readonly Uint8Array[];
  store: Store;
  /** Hands pieces over; they reach the ledger in this order. */
  send(chunks: readonly NewChunk[]): void;
}

export function createLogPump({ file, inherited, store, send }: LogPumpOptions): LogPump {
  const descriptor = openSync(file, 'w+');
  const hash = createHash('sha256');
  let total = 0;
  let sent = 0;
  let timer: NodeJS.Timeout | null = null;
  let sending: Promise<void> = Promise.resolve();
  let storeFailed = false;

  const append = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    hash.update(bytes);
    total += bytes.length;
  };
  const read = (from: number, to: number): Uint8Array => {
    const bytes = Buffer.alloc(to - from);
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(descriptor, bytes, filled, bytes.length - filled, from + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  };

  /** Sends what there is, up to one piece of either kind. */
  const flushPiece = async (): Promise<void> => {
    if (sent < logBytesInGit) {
      const to = Math.min(total, logBytesInGit);
      if (to > sent) send([{ at: now(), bytes: read(sent, to) }]);
      sent = to;
      return;
    }
    const to = Math.min(total, sent + storedPiece);
    if (to === sent) return;
    const bytes = read(sent, to);
    sent = to;
    try {
      send([{ at: now(), stored: await store.putBytes(bytes) }]);
    } catch (error) {
      // The job must not die of its log: the whole of it is tried again at the end.
      storeFailed = true;
      send([
        {
          at: now(),
          bytes: Buffer.from(
            `\n[${bytes.length} bytes of output could not be stored: ${(error as Error).message}]\n`,
          ),
        },
      ]);
    }
  };
  const schedule = () => {
    if (timer || total === sent) return;
    timer = setTimeout(
      () => {
        timer = null;
        sending = sending.then(flushPiece).then(schedule);
      },
      sent < logBytesInGit ? flushAfter : storedFlushAfter,
    );
  };

  for (const piece of inherited) append(piece);
  sent = total;

  return {
    push(bytes) {
      append(bytes);
      schedule();
    },
    async end() {
      if (timer) clearTimeout(timer);
      await sending;
      if (timer) clearTimeout(timer);
      timer = null;
      while (sent < total) await flushPiece();
      const sha256 = hash.digest('hex');
      const long = total > logBytesInGit;
      const stored = long && (await storeWhole(store, file, sha256, storeFailed));
      const tail = long ? read(Math.max(logBytesInGit, total - logTailBytes), total) : null;
      closeSync(descriptor);
      return { bytes: total, sha256, stored, tail };
    },
  };
}

function now(): number {
  return Date.now() / 1000;
}

async function storeWhole(
  store: Store,
  file: string,
  sha256: string,
  failedBefore: boolean,
): Promise<boolean> {
  try {
    await store.putFile(file, sha256);
    return true;
  } catch (error) {
    if (failedBefore) return false;
    throw error;
  }
}
