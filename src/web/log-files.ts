import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { goesOn } from '../ledger/follow.ts';
import { readLog } from '../ledger/log-chunks.ts';
import { type JobId, jobName } from '../ledger/refs.ts';
import type { JobView } from '../ledger/state.ts';
import { type LogAnswer, linesOfPage } from './answer-types.ts';
import { type LineSplitter, splitLines } from './log-lines.ts';
import { type FoundRun, type Sources, storedReader } from './sources.ts';

/** Logs as pages of lines: what was read is kept in files, so that a long one costs memory for its page numbers only. */
export interface LogFiles {
  /** @param page from 0 */
  read(found: FoundRun, job: JobView, page: number): Promise<LogAnswer>;
  close(): Promise<void>;
}

interface LogFile {
  readonly path: string;
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
  /** Works one after the other. */
  turn: Promise<unknown>;
}

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
      void opened.then(({ handle, turn }) => turn.finally(() => handle.close())).catch(() => {});
    }
    return file;
  };

  return {
    async read(found, job, page) {
      const file = await fileOf(jobName({ run: found.run.name, job: job.name }));
      const answer = file.turn.then(async () => {
        await bringUpToDate(file, found, job, sources);
        return pageOf(file, page);
      });
      file.turn = answer.catch(() => {});
      return answer;
    },
    async close() {
      const opened = await Promise.allSettled(files.values());
      files.clear();
      for (const one of opened) if (one.status === 'fulfilled') await one.value.handle.close();
    },
  };
}

async function newFile(path: string): Promise<LogFile> {
  const handle = await open(path, 'wx+', 0o600);
  const empty = { position: { claimedAt: null, attempt: 0 }, commit: null, next: 0, lines: 0, bytes: 0 };
  return { ...empty, path, handle, splitter: splitLines(), pages: [0], turn: Promise.resolve() };
}

/** Reads what the log has more than the file. */
async function bringUpToDate(file: LogFile, { ledger, run }: FoundRun, job: JobView, sources: Sources) {
  if (job.commit === null || job.commit === file.commit) return;
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
  }
  file.commit = job.commit;
}

async function append(file: LogFile, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const begun = file.bytes;
  const pieces = lines.map((line) => {
    const bytes = Buffer.from(`${line}\n`);
    file.lines += 1;
    file.bytes += bytes.length;
    if (file.lines % linesOfPage === 0) file.pages.push(file.bytes);
    return bytes;
  });
  await file.handle.write(Buffer.concat(pieces), 0, file.bytes - begun, begun);
}

async function pageOf(file: LogFile, page: number): Promise<LogAnswer> {
  const rest = file.splitter.rest();
  const total = file.lines + (rest === null ? 0 : 1);
  const begin = file.pages[page];
  if (begin === undefined) return { lines: [], total };
  const end = file.pages[page + 1] ?? file.bytes;
  const buffer = Buffer.alloc(end - begin);
  await file.handle.read(buffer, 0, buffer.length, begin);
  const lines = buffer.toString('utf8').split('\n').slice(0, -1);
  const isLast = page === file.pages.length - 1;
  return { lines: isLast && rest !== null ? [...lines, rest] : lines, total };
}
