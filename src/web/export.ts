import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { diskFull } from '../disk-full.ts';
import { DstackError } from '../errors.ts';
import { makeNamedFolder } from '../git/new-folder.ts';
import type { JobView, RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import {
  type ArtifactLine,
  type ArtifactsAnswer,
  type FeedLine,
  type LogAnswer,
  linesOfPage,
} from './answer-types.ts';
import type { Answers } from './answers.ts';
import { contentOf, fileOf } from './artifacts.ts';
import type { PageFiles } from './page-files.ts';
import { pageHtml } from './page-html.ts';
import { previewKind } from './preview-kinds.ts';
import type { FoundRun, Sources } from './sources.ts';
import { summarise } from './summaries.ts';

/** Bytes of a file of a run that is in an export; larger ones are named only. */
export const largestFile = 25 << 20;
/** Of more runs than these not every pair is compared, but each with the oldest. */
const mostPairs = 10;

/** The name of a file by which an export is known as one. */
const marker = 'dstack-export.json';
/** All that lies at the top of an export. */
const ownNames = [marker, 'data', 'files', 'index.html', 'page.js', 'page.css', 'page.svg'];

export interface ExportOptions {
  readonly runs: readonly FoundRun[];
  readonly files: PageFiles;
  readonly answers: Answers;
  readonly sources: Sources;
  /** What was too large to be in it, or is gone. */
  readonly onLeftOut: (job: JobView, line: ArtifactLine) => void;
}

/**
 * Writes the page with some runs as files, which need no server, into a folder that is not there, is empty, or holds an
 * earlier export and nothing else; until all of it is there, the folder is left as it is.
 * @throws DstackError `not-an-export`, `not-only-an-export`, `no-folder`, `disk-full`
 */
export async function writeExport(folder: string, options: ExportOptions): Promise<void> {
  const before = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw notOurs(folder, error);
  });
  if (before !== null && before.length > 0 && !before.includes(marker)) throw notOurs(folder);
  // A `.git` to publish it from, notes to it: what somebody has put beside it would go with it.
  const others = (before ?? []).filter((name) => !ownNames.includes(name));
  if (others.length > 0) throw notOnlyOurs(folder, others);
  await makeNamedFolder(dirname(folder));
  let made: string | null = null;
  try {
    made = await mkdtemp(join(dirname(folder), `.${basename(folder)}-`));
    await writeAll(made, options);
    // A temporary folder is closed to everybody else, a web server for one.
    await chmod(made, 0o777 & ~process.umask());
    if (before !== null) await rm(folder, { recursive: true, force: true });
    await rename(made, folder);
  } catch (error) {
    throw cannotWrite(folder, error);
  } finally {
    if (made !== null) await rm(made, { recursive: true, force: true });
  }
}

/** What the file system says of a folder, for people; anything else as it is. */
function cannotWrite(folder: string, error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof DstackError || syscall === undefined) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(folder, error);
  return new DstackError('no-folder', `${plainText(folder)} can't be written: ${code}`, {
    hint: 'choose another folder',
    cause: error,
  });
}

async function writeAll(folder: string, options: ExportOptions): Promise<void> {
  const { runs, files, answers } = options;
  await mkdir(join(folder, 'data'));
  await mkdir(join(folder, 'files'));
  const numbers: Record<string, number> = {};
  const write = async (question: readonly string[], answer: object): Promise<void> => {
    const number = Object.keys(numbers).length;
    numbers[JSON.stringify(question)] = number;
    await writeFile(join(folder, 'data', `${number}.js`), script(`dstackAnswer(${number},`, answer, ')'));
  };
  const ask = async (...question: string[]) => write(question, await answers(question));

  const views = runs.map(({ run }) => run);
  for (const found of runs) {
    const { name, jobs } = found.run;
    for (const kind of ['run', 'metrics', 'code']) await ask(kind, name);
    for (const job of jobs) {
      await ask('job', name, job.name);
      await ask('usage', name, job.name);
      for (let page = 0, more = true; more; page += 1) {
        const question = ['log', name, job.name, String(page)];
        const answer = (await answers(question)) as LogAnswer;
        await write(question, answer);
        more = (page + 1) * linesOfPage < answer.total;
      }
      const artifacts = await withFiles(folder, { ...found, job }, ask, options);
      await write(['artifacts', name, job.name], artifacts);
    }
  }
  const names = views.map(({ name }) => name).join(',');
  await ask('trials', names);
  for (const [older, newer] of pairsOf(views)) await ask('diff', older.name, newer.name);

  const tags = await options.sources.tags();
  const feed: FeedLine = {
    runs: views.map((run) => summarise(run, tags.get(run.name) ?? [])),
    ...{ gone: [], archived: 0, runners: 0, readAt: Date.now(), error: null },
  };
  const index = { answers: numbers, feed, runs: names };
  await writeFile(join(folder, 'data', 'index.js'), script('dstackExport=', index, ''));
  await writeFile(join(folder, 'index.html'), pageHtml(['data/index.js'], { policy: true }));
  await writeFile(join(folder, 'page.js'), files.script);
  await writeFile(join(folder, 'page.css'), files.style);
  await writeFile(join(folder, 'page.svg'), files.icon);
  await writeFile(
    join(folder, marker),
    `${JSON.stringify({ format: 1, runs: views.map(({ name }) => name) })}\n`,
  );
}

/** A script that hands JSON over as a text: as a literal, a name such as `__proto__` would be something else. */
function script(begin: string, value: object, end: string): string {
  return `${begin}${JSON.stringify(JSON.stringify(value))}${end};\n`;
}

/** The older one first. */
function pairsOf(runs: readonly RunView[]): [RunView, RunView][] {
  const sorted = [...runs].sort((a, b) => (a.submittedAt < b.submittedAt ? -1 : 1));
  return sorted.flatMap((older, index) =>
    sorted
      .slice(index + 1)
      .filter(() => runs.length <= mostPairs || index === 0)
      .map((newer): [RunView, RunView] => [older, newer]),
  );
}

/** Writes what a job has left, as far as it can be had and isn't too large; says of each file where it is. */
async function withFiles(
  folder: string,
  found: FoundRun & { job: JobView },
  ask: (...question: string[]) => Promise<void>,
  { answers, sources, onLeftOut }: ExportOptions,
): Promise<ArtifactsAnswer> {
  const { job, run } = found;
  const answer = (await answers(['artifacts', run.name, job.name])) as ArtifactsAnswer;
  const entries: ArtifactLine[] = [];
  for (const line of answer.entries) {
    if (line.type !== 'file') {
      entries.push(line);
      continue;
    }
    let file: string | null = null;
    try {
      if ((line.size ?? 0) <= largestFile) {
        file = `files/${createHash('sha256')
          .update(`${line.sha256} ${fileEnd(line.path)}`)
          .digest('hex')
          .slice(0, 24)}${fileEnd(line.path)}`;
        const content = contentOf(sources, found, await fileOf(sources, found, line.path));
        await pipeline(content, createWriteStream(join(folder, file)));
        await ask('text', run.name, job.name, line.path);
      }
    } catch (error) {
      if (!(error instanceof DstackError)) throw error;
      file = null;
    }
    if (file === null) onLeftOut(job, line);
    entries.push({ ...line, file });
  }
  return { ...answer, entries };
}

/**
 * The end of a file's name: of images that do nothing, their own. Everything else is stored under one by which no server
 * takes it for a page or a script.
 */
function fileEnd(path: string): string {
  const kind = previewKind(path);
  if (kind.kind !== 'image' || kind.type === 'image/svg+xml') return '.bin';
  return (/\.[a-z0-9]+$/i.exec(path)?.[0] ?? '.bin').toLowerCase();
}

function notOurs(folder: string, cause?: unknown): DstackError {
  return new DstackError('not-an-export', `${plainText(folder)} is there already, and is no earlier export`, {
    hint: 'choose a folder that is not there yet, or an empty one',
    cause,
  });
}

function notOnlyOurs(folder: string, others: readonly string[]): DstackError {
  const named = others.slice(0, 3).join(', ') + (others.length > 3 ? ' …' : '');
  return new DstackError(
    'not-only-an-export',
    `${plainText(folder)} has more in it than an earlier export: ${plainText(named)}`,
    { hint: 'move that away, or choose a folder that is not there yet' },
  );
}
