import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';

/** A line of a log, as it came. */
export interface DocumentLine {
  /** Whose it is: the number of the job. */
  readonly job: number;
  /** When it was written, in seconds since 1970 by the runner's clock. */
  readonly at: number;
  /** Without its line break, and not yet neutralised; of a very long line the beginning. */
  readonly bytes: Buffer;
}

/**
 * The logs of jobs as one list of lines that grows, in a file that nobody else sees: of any length, with little in
 * memory. Lines of several jobs stand in the order in which they came whole.
 */
export interface LogDocument {
  /** How many lines there are; those that have not ended yet count, too. */
  lineCount(): number;
  /** Bytes so far. */
  size(): number;
  append(job: number, at: number, bytes: Uint8Array): void;
  /** No more comes of this job: its last line is whole. */
  end(job: number): void;
  /** Lines from this one on, counted from 0; fewer at the end. */
  lines(from: number, count: number): DocumentLine[];
  /**
   * The nearest line at or after `from` (before or at it, if backwards) in whose text `find` finds something.
   * @returns -1: none; null: given up, because `signal` was aborted
   */
  search(find: Find, from: number, backwards: boolean, signal: AbortSignal): Promise<number | null>;
  close(): void;
}

/** The first match in a text of whole lines, from a place on; null: there is none. */
export type Find = (text: string, from: number) => { readonly at: number; readonly length: number } | null;

/** The place of every so many lines is remembered. */
const stride = 64;
/** So much of a line is read. */
const longestLine = 16 * 1024;
/** So much is searched at once. */
const blockBytes = 1 << 20;
const COLOURS = /\x1b\[[0-9;:]*m/g;

export function openLogDocument(): LogDocument {
  // Its name is gone at once: whatever ends the process, nothing stays.
  const folder = mkdtempSync(join(tmpdir(), 'dstack-log-'));
  const file = openSync(join(folder, 'log'), 'wx+', 0o600);
  rmSync(folder, { recursive: true });

  let size = 0;
  let whole = 0;
  /** Where lines 0, 64, 128 … begin. */
  const places: number[] = [0];
  /** From which line on a job's lines follow, written at that time. */
  const runs: { readonly line: number; readonly job: number; readonly at: number }[] = [];
  const open = new Map<number, { at: number; pieces: Buffer[] }>();

  const write = (job: number, at: number, lines: Buffer) => {
    const last = runs.at(-1);
    if (last?.job !== job || last.at !== at) runs.push({ line: whole, job, at });
    for (let done = 0; done < lines.length; ) done += writeSync(file, lines, done);
    for (let place = lines.indexOf(10); place >= 0; place = lines.indexOf(10, place + 1)) {
      whole += 1;
      if (whole % stride === 0) places.push(size + place + 1);
    }
    size += lines.length;
  };
  const read = (from: number, to: number): Buffer => {
    const bytes = Buffer.allocUnsafe(Math.max(0, to - from));
    let done = 0;
    for (let got = 1; got > 0 && done < bytes.length; done += got)
      got = readSync(file, bytes, done, bytes.length - done, from + done);
    return bytes.subarray(0, done);
  };
  const strideOf = (line: number) => Math.min(places.length - 1, Math.floor(line / stride));
  const placeAt = (index: number) => places[index] ?? size;
  /** The index of the run that a line belongs to. */
  const runOf = (line: number): number => {
    let [low, high] = [0, runs.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((runs[middle]?.line ?? 0) <= line) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const unended = (): DocumentLine[] =>
    [...open].map(([job, { at, pieces }]) => ({ job, at, bytes: cutLine(Buffer.concat(pieces)) }));

  const lines = (from: number, count: number): DocumentLine[] => {
    const found: DocumentLine[] = [];
    if (from < whole) {
      const bytes = read(placeAt(strideOf(from)), placeAt(Math.floor((from + count) / stride) + 1));
      let line = strideOf(from) * stride;
      let run = runOf(from);
      for (let place = 0; place < bytes.length && found.length < count; line += 1) {
        const end = bytes.indexOf(10, place);
        if (line >= from) {
          while (runs[run + 1] && (runs[run + 1]?.line ?? 0) <= line) run += 1;
          const { job = 0, at = 0 } = runs[run] ?? {};
          found.push({ job, at, bytes: cutLine(bytes.subarray(place, end)) });
        }
        place = end + 1;
      }
    }
    return [...found, ...unended().slice(Math.max(0, from - whole), Math.max(0, from + count - whole))];
  };

  return {
    lineCount: () => whole + open.size,
    size: () => size,
    append(job, at, bytes) {
      const end = bytes.lastIndexOf(10) + 1;
      const before = open.get(job);
      if (end > 0) {
        write(job, before?.at ?? at, Buffer.concat([...(before?.pieces ?? []), bytes.subarray(0, end)]));
        open.delete(job);
      }
      if (end === bytes.length) return;
      const rest = { at: end > 0 ? at : (before?.at ?? at), pieces: end > 0 ? [] : (before?.pieces ?? []) };
      rest.pieces.push(Buffer.from(bytes.subarray(end)));
      // Drawn again and again, a progress bar is one line: what counts of it is its end.
      if (rest.pieces.length > 64) rest.pieces = [cutLine(Buffer.concat(rest.pieces))];
      open.set(job, rest);
    },
    end(job) {
      const last = open.get(job);
      open.delete(job);
      if (last) write(job, last.at, Buffer.concat([...last.pieces, Buffer.from('\n')]));
    },
    lines,
    async search(find, from, backwards, signal) {
      let [low, high] = backwards ? [0, strideOf(from) + 1] : [strideOf(from), 0];
      for (;;) {
        // Blocks of strides, so that a key is answered between two of them.
        if (backwards) low = high - 1;
        else high = low + 1;
        while (placeAt(high) - placeAt(low) < blockBytes && (backwards ? low > 0 : high < places.length)) {
          if (backwards) low -= 1;
          else high += 1;
        }
        await breathe();
        if (signal.aborted) return null;
        const text = read(placeAt(low), placeAt(high)).toString('utf8').replace(COLOURS, '');
        const limits = backwards ? { from: 0, to: from } : { from, to: Number.POSITIVE_INFINITY };
        const hits = matchingLines(text, find, low * stride, limits);
        let hit = -1;
        for (const line of hits) {
          hit = line;
          if (!backwards) break;
        }
        if (hit >= 0) return hit;
        if (backwards ? low === 0 : high >= places.length) return -1;
        if (backwards) high = low;
        else low = high;
      }
    },
    close: () => closeSync(file),
  };
}

/** The numbers of the lines within the limits, both included, in which something is found; `first` is the text's own first one. */
function* matchingLines(
  text: string,
  find: Find,
  first: number,
  limits: { readonly from: number; readonly to: number },
): Generator<number, undefined> {
  let line = first;
  let counted = 0;
  for (let match = find(text, 0); match !== null; ) {
    for (
      let end = text.indexOf('\n', counted);
      end >= 0 && end < match.at;
      end = text.indexOf('\n', counted)
    ) {
      line += 1;
      counted = end + 1;
    }
    if (line > limits.to) return;
    if (line >= limits.from) yield line;
    const end = text.indexOf('\n', match.at);
    if (end < 0) return;
    match = find(text, end + 1);
  }
}

/** Of a very long line the beginning; of one that was drawn again and again, as progress bars are, the end. */
function cutLine(line: Buffer): Buffer {
  if (line.length <= longestLine) return line;
  return line.lastIndexOf(13, line.length - 2) < 0
    ? line.subarray(0, longestLine)
    : line.subarray(-longestLine);
}
