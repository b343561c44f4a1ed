import { readdirSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeCommits } from '../../src/git/write-commits.ts';
import { type Ledger, signature } from '../../src/ledger/ledger.ts';
import { chunkFiles } from '../../src/ledger/log-chunks.ts';
import type { JobView } from '../../src/ledger/state.ts';
import { linesOfPage } from '../../src/web/answer-types.ts';
import { openLogFiles } from '../../src/web/log-files.ts';
import type { FoundRun, Sources } from '../../src/web/sources.ts';
import { scratchFolder } from '../git/scratch-repository.ts';
import { chunk, scratchLedger } from '../ledger/support.ts';

/** A ledger, the log of a job in it as it grows, and the files that it is read into. */
async function begin() {
  const { ledger } = await scratchLedger();
  const sources = { openStore: () => Promise.reject(new Error('no store')) } as unknown as Sources;
  const folder = scratchFolder();
  const files = openLogFiles(folder, sources);
  const found = { ledger, run: { name: 'run' } } as FoundRun;
  return {
    files,
    folder,
    /** The job whose log has these chunks. */
    job: (chunks: string[], more: Partial<JobView> = {}) => jobWith(ledger, chunks, more),
    read: (job: JobView, page: number) => files.readWhole(found, job, page),
    soon: (job: JobView, page: number) => files.read(found, job, page),
  };
}

async function jobWith(ledger: Ledger, chunks: string[], more: Partial<JobView>): Promise<JobView> {
  const files = chunkFiles(
    chunks.map((text) => chunk(text)),
    0,
  );
  const commits = [{ parents: [], files, message: 'log', author: signature(ledger) }];
  const [commit = null] = await writeCommits(ledger.shared.local, commits);
  return { name: 'train', commit, attempt: 1, claimedAt: 'then', ...more } as JobView;
}

const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => `line ${from + index}\n`).join('');

test('a log is read page by page, and on from where it was', async () => {
  const { files, folder, job, read } = await begin();
  const first = await job([numbered(0, 700), numbered(700, 800)]);
  const page = await read(first, 0);
  assert.equal([page.total, page.lines.length, page.isPart], [1_500, linesOfPage, false]);
  assert.equal([page.lines[0], page.lines.at(-1)], ['line 0', 'line 999']);
  // Its file has no name: once it is closed, its room is free.
  assert.equal(readdirSync(folder), []);
  assert.is((await read(first, 1)).lines.at(-1), 'line 1499');
  assert.equal((await read(first, 2)).lines, []);

  const grown = await job([numbered(0, 700), numbered(700, 800), `${numbered(1_500, 500)}half`]);
  assert.equal((await read(grown, 2)).lines, ['half']);
  assert.is((await read(grown, 1)).lines.at(-1), 'line 1999');
  const more = await job([
    numbered(0, 700),
    numbered(700, 800),
    `${numbered(1_500, 500)}half`,
    ' and half\n',
  ]);
  assert.equal(await read(more, 2), { lines: ['half and half'], total: 2_001, isPart: false });
  await files.close();
});

test('a log that begins anew replaces the old one; a further attempt goes on with it', async () => {
  const { files, job, read } = await begin();
  await read(await job([numbered(0, 5)]), 0);
  const second = await job([numbered(0, 5), 'again\n'], { attempt: 2, claimedAt: 'later' });
  assert.is((await read(second, 0)).lines.at(-1), 'again');
  const afresh = await job(['afresh\n'], { attempt: 1, claimedAt: 'much later' });
  assert.equal((await read(afresh, 0)).lines, ['afresh']);
  await files.close();
});

test('many who ask at once get the same, and what is not there yet has no lines', async () => {
  const { files, job, read, soon } = await begin();
  const long = await job([numbered(0, 2_500)]);
  const answers = await Promise.all([read(long, 0), read(long, 2), soon(long, 0), read(long, 1)]);
  assert.equal(
    answers.map(({ lines }) => lines[0]),
    ['line 0', 'line 2000', 'line 0', 'line 1000'],
  );
  assert.equal(await read({ ...long, name: 'other', commit: null }, 0), {
    lines: [],
    total: 0,
    isPart: false,
  });
  await files.close();
});

test.run();
