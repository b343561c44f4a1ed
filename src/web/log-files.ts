import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { goesOn } from '../ledger/follow.ts';
import { readLog } from '../ledger/log-chunks.ts';
import { type JobId, jobName } from '../ledger/refs.ts';
import type { JobView } from '../ledger/state.ts';
import { type LogAnswer, linesOfPage } from './answer-types.ts';
import { type LineSplitter, splitLines } from './log-lines.ts';
import { type FoundRun, type Sources, storedReader } from './sources.ts';

/** Logs as pages of lines: what was read is kept in files, so that a long one costs memory for its page numbers only. */
export interface LogFiles {
  /**
   * What there is by now, if reading all of it takes longer than a moment.
   * @param page from 0
   */
  read(found: FoundRun, job: JobView, page: number): Promise<LogAnswer>;
  /** The same once all of it has been read. */
  readWhole(found: FoundRun, job: JobView, page: number): Promise<LogAnswer>;
  close(): Promise<void>;
}

interface LogFile {
  readonly handle: FileHandle;
  position: { claimedAt: string | null; attempt: number };
  /** The commit that it has been read from, and up to which chunk. */
  commit: string | null;
  next: number;
  splitter: LineSplitter;
  /** Where in the file each page begins, in bytes. */
  pages: number[];
  lines: number;
  bytes: number;
  /** What brings it up to date; null: nothing does. */
  reading: Promise<void> | null;
  /** Nobody wants the rest of it any more. */
  isClosed: boolean;
}

/** Milliseconds for which an answer waits for all of a log. */
const moment = 200;

/** So many logs are kept open. */
const mostOpen = 16;

/** @param folder an empty one, which the caller removes */
export function openLogFiles(folder: string, sources: Sources): LogFiles {
  const files = new Map<string, Promise<LogFile>>();
  let count = 0;

  const fileOf = (key: string): Promise<LogFile> => {
    const known = files.get(key);
    files.delete(key);
    const file = known ?? newFile(join(folder, `${count++}.log`));
    files.set(key, file);
    if (!known) file.catch(() => files.delete(key));
    for (const [old, opened] of [...files].slice(0, Math.max(0, files.size - mostOpen))) {
      files.delete(old);
      void opened.then(closeFile).catch(() => {});
    }
    return file;
  };

  /** Begins to read what is new, unless that is going on. */
  const begin = (file: LogFile, found: FoundRun, job: JobView): Promise<void> => {
    if (file.reading) return file.reading;
    const reading = bringUpToDate(file, found, job, sources).finally(() => {
      file.reading = null;
    });
    // Who asks next is told what is wrong.
    reading.catch(() => {});
    file.reading = reading;
    return reading;
  };

  const toTheEnd = async (file: LogFile, found: FoundRun, job: JobView): Promise<void> => {
    // What is going on may be the reading of what there was earlier.
    while (isBehind(file, job) && !file.isClosed) await begin(file, found, job);
  };

  return {
    async read(found, job, page) {
      const file = await fileOf(jobName({ run: found.run.name, job: job.name }));
      await Promise.race([toTheEnd(file, found, job), sleep(moment)]);
      return pageOf(file, job, page);
    },
    async readWhole(found, job, page) {
      const file = await fileOf(jobName({ run: found.run.name, job: job.name }));
      await toTheEnd(file, found, job);
      return pageOf(file, job, page);
    },
    async close() {
      const opened = await Promise.allSettled(files.values());
      files.clear();
      await Promise.all(opened.flatMap((one) => (one.status === 'fulfilled' ? closeFile(one.value) : [])));
    },
  };
}

async function closeFile(file: LogFile): Promise<void> {
  file.isClosed = true;
  await file.reading?.catch(() => {});
  await file.handle.close();
}

async function newFile(path: string): Promise<LogFile> {
  const handle = await open(path, 'wx+', 0o600);
  // Its name is gone at once: however it comes to be closed, its room is free again.
  await rm(path);
  const empty = { position: { claimedAt: null, attempt: 0 }, commit: null, next: 0, lines: 0, bytes: 0 };
  return { ...empty, handle, splitter: splitLines(), pages: [0], reading: null, isClosed: false };
}

const isBehind = (file: LogFile, { commit }: JobView): boolean => commit !== null && file.commit !== commit;

/** Reads what the log has more than the file. */
async function bringUpToDate(file: LogFile, { ledger, run }: FoundRun, job: JobView, sources: Sources) {
  if (!isBehind(file, job) || job.commit === null) return;
  if (!goesOn(file.position, job)) {
    await file.handle.truncate(0);
    Object.assign(file, { next: 0, lines: 0, bytes: 0, pages: [0], splitter: splitLines() });
  }
  file.position = { claimedAt: job.claimedAt, attempt: job.attempt };
  const id: JobId = { run: run.name, job: job.name };
  await ledger.shared.obtain([job.commit]);
  const stored = await storedReader(sources, ledger, id);
  for await (const { next, bytes } of readLog(ledger.shared, job.commit, file.next, stored)) {
    await append(file, file.splitter.push(bytes));
    file.next = next;
    if (file.isClosed) return;
  }
  file.commit = job.commit;
}

/** What is being read meanwhile sees the lines once they are there. */
async function append(file: LogFile, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const text = lines.map((line) => Buffer.from(`${line}\n`));
  await file.handle.write(Buffer.concat(text), 0, undefined, file.bytes);
  for (const line of text) {
    file.lines += 1;
    file.bytes += line.length;
    if (file.lines % linesOfPage === 0) file.pages.push(file.bytes);
  }
}

async function pageOf(file: LogFile, job: JobView, page: number): Promise<LogAnswer> {
  const isPart = isBehind(file, job);
  const rest = isPart ? null : file.splitter.rest();
  const total = file.lines + (rest === null ? 0 : 1);
  const begin = file.pages[page];
  if (begin === undefined) return { lines: [], total, isPart };
  const end = file.pages[page + 1] ?? file.bytes;
  const isLast = page === file.pages.length - 1;
  const buffer = Buffer.alloc(end - begin);
  await file.handle.read(buffer, 0, buffer.length, begin);
  const lines = buffer.toString('utf8').split('\n').slice(0, -1);
  return { lines: isLast && rest !== null ? [...lines, rest] : lines, total, isPart };
}
