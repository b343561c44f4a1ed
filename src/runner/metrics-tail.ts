import type { FileHandle } from 'node:fs/promises';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Measurements } from '../ledger/measurements.ts';
import { addMeasurements, parseMeasurements } from '../ledger/metrics.ts';
import { isAt, openRegularFile } from '../store/hash-file.ts';

/** How often a job's file of metrics is looked at, in milliseconds. */
const lookEvery = 1_000;
const pieceBytes = 1 << 20;
/** Longer lines are no measurements. */
const longestLine = 64 << 10;
/** So much before the place that was reached shows whether the file is still the same. */
const markBytes = 256;

/** Reads the lines that a job appends to a file, while it does. */
export interface MetricsTail {
  /** What comes from now on is the job's own: what lies there already came with its snapshot or an earlier attempt. */
  begin(): Promise<void>;
  /** Reads the rest, when nothing writes any more. */
  end(): Promise<MetricsEnd>;
  close(): void;
}

export interface MetricsEnd {
  /** The newest value of every name; null: nothing was measured. */
  readonly last: Measurements | null;
  /** What there is to say about the file, for people. */
  readonly notices: readonly string[];
}

/**
 * Follows a file in a workspace. The job may do with it what it likes, so nothing outside of the workspace is read by way of
 * a link, and a file that was begun anew is read anew; who draws it takes the last value of each step.
 * @param file relative to the workspace
 * @param hide takes secrets out of a line
 * @param push takes whole lines that are measurements
 */
export function openMetricsTail(
  workspace: string,
  file: string,
  hide: (text: string) => string,
  push: (bytes: Uint8Array) => void,
): MetricsTail {
  let offset = 0;
  let mark: Buffer = Buffer.alloc(0);
  let last: Measurements | null = null;
  let strange = 0;
  let overlong = false;
  let looking: Promise<boolean> = Promise.resolve(true);
  let timer: NodeJS.Timeout | undefined;

  const take = (line: string) => {
    if (line.trim() === '') return;
    const told = hide(line);
    const measured = parseMeasurements(told);
    if (measured === null || Buffer.byteLength(told) > longestLine) strange += 1;
    else {
      last = addMeasurements(last ?? {}, measured);
      push(Buffer.from(`${told}\n`));
    }
  };

  /** From the place that was reached to the end of the file, in whole lines. */
  const readOn = async (handle: FileHandle, atEnd: boolean): Promise<void> => {
    if (!(await isContinued(handle, offset, mark))) {
      offset = 0;
      overlong = false;
    }
    for (;;) {
      const piece = await readAt(handle, offset, pieceBytes);
      const isRest = piece.length < pieceBytes;
      const end = piece.lastIndexOf(10) + 1;
      // A line that goes on beyond a piece is too long, and what follows of it is, too.
      const taken = end > 0 ? end : isRest && !atEnd ? 0 : piece.length;
      if (taken > 0) {
        const lines = piece.toString('utf8', 0, taken).split('\n');
        if (overlong) lines.shift();
        const goesOn = end === 0 && !isRest;
        if (goesOn && !overlong) strange += 1;
        overlong = goesOn;
        if (!goesOn) for (const line of lines) take(line);
        offset += taken;
        mark = await readAt(handle, Math.max(0, offset - markBytes), Math.min(offset, markBytes));
      }
      if (isRest && (!atEnd || taken === piece.length)) return;
    }
  };
  /** @returns whether there is such a file */
  const look = async (act: (handle: FileHandle) => Promise<void>): Promise<boolean> => {
    const path = join(await realpath(workspace), file);
    const handle = await openRegularFile(path);
    try {
      if (!isAt(handle.fd, path)) return false;
      await act(handle);
      return true;
    } finally {
      await handle.close();
    }
  };
  /** One after the other. What can't be read now may be later: in a container, for one, when that has ended. */
  const lookNext = (atEnd: boolean) => {
    looking = looking.then(() => look((handle) => readOn(handle, atEnd))).catch(() => false);
    return looking;
  };
  const close = () => clearInterval(timer);

  return {
    async begin() {
      await look(async (handle) => {
        offset = (await handle.stat()).size;
        mark = await readAt(handle, Math.max(0, offset - markBytes), Math.min(offset, markBytes));
      }).catch(() => false);
      timer = setInterval(() => void lookNext(false), lookEvery);
    },
    async end() {
      close();
      await looking;
      const isThere = await lookNext(true);
      const lines = strange === 1 ? 'a line' : `${strange} lines`;
      return {
        last,
        notices: [
          ...(isThere ? [] : [`${file} is no file here, so there are no metrics`]),
          ...(strange > 0 ? [`${lines} of ${file} left out: no JSON objects, or longer than 64 KiB`] : []),
        ],
      };
    },
    close,
  };
}

async function isContinued(handle: FileHandle, offset: number, mark: Buffer): Promise<boolean> {
  return mark.equals(await readAt(handle, offset - mark.length, mark.length));
}

async function readAt(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
