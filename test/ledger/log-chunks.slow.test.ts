import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeCommits } from '../../src/git/write-commits.ts';
import { signature } from '../../src/ledger/ledger.ts';
import {
  chunkPath,
  listChunks,
  printPointer,
  type ReadStored,
  readLog,
} from '../../src/ledger/log-chunks.ts';
import { scratchLedger } from './support.ts';

async function withFiles(files: { path: string; content: string | Uint8Array }[]) {
  const { ledger } = await scratchLedger();
  const commits = [{ parents: [], files, message: 'log', author: signature(ledger) }];
  const [commit] = await writeCommits(ledger.shared.local, commits);
  return { ledger, commit: commit as string };
}

async function texts(
  { ledger, commit }: Awaited<ReturnType<typeof withFiles>>,
  from = 0,
  readStored: ReadStored = null,
  since = 0,
): Promise<[number, string][]> {
  const pieces: [number, string][] = [];
  for await (const { next, bytes } of readLog(ledger.shared, commit, from, readStored, since)) {
    pieces.push([next, Buffer.from(bytes).toString()]);
  }
  return pieces;
}

test('a chunk lies three levels deep, under its number and its second', () => {
  assert.is(chunkPath(0, 1_764_021_600.7, false), 'log/00/00/00.1764021600');
  assert.is(chunkPath(511, 7, false), 'log/00/01/ff.7');
  assert.is(chunkPath(70_000, 7, true), 'log/01/11/70.7.stored');
});

test('70,000 chunks are listed in order; from a position on only the folders that can hold them are read', async () => {
  const count = 70_000;
  const { ledger } = await scratchLedger();
  const git = (args: string[], input: string) =>
    execFileSync('git', args, { cwd: ledger.shared.local.gitDir, encoding: 'utf8', input }).trim();
  const blob = git(['hash-object', '-w', '--stdin'], 'x\n');
  const folders = new Map<string, string>();
  for (let number = 0; number < count; number += 1) {
    const path = chunkPath(number, number, false);
    const folder = path.slice(0, path.lastIndexOf('/'));
    const line = `100644 blob ${blob}\t${path.slice(folder.length + 1)}\n`;
    folders.set(folder, (folders.get(folder) ?? '') + line);
  }
  const trees = git(['mktree', '--batch'], [...folders.values()].join('\n')).split('\n');
  const files = [...folders.keys()].map((path, index) => ({
    path,
    id: trees[index] as string,
    mode: '040000',
  }));
  const commits = [{ parents: [], files, message: 'log', author: signature(ledger) }];
  const commit = (await writeCommits(ledger.shared.local, commits))[0] as string;
  const all = await listChunks(ledger.shared, commit);
  assert.is(all.length, count);
  assert.ok(all.every((chunk, index) => chunk.number === index && chunk.seconds === index));
  let reads = 0;
  const counting = {
    local: ledger.shared.local,
    read(name: string) {
      reads += 1;
      return ledger.shared.read(name);
    },
  };
  const last = await listChunks(counting, commit, count - 3);
  assert.equal(
    last.map(({ number }) => number),
    [count - 3, count - 2, count - 1],
  );
  assert.is(reads, 3);
  assert.equal(await listChunks(ledger.shared, commit, count), []);
});

test('a log is read from a position, and from a time on', async () => {
  const log = await withFiles(
    ['a\n', 'b\n', 'c\n'].map((content, number) => ({
      path: chunkPath(number, 100 + number, false),
      content,
    })),
  );
  assert.equal(await texts(log), [
    [1, 'a\n'],
    [2, 'b\n'],
    [3, 'c\n'],
  ]);
  assert.equal(await texts(log, 2), [[3, 'c\n']]);
  assert.equal(await texts(log, 0, null, 101), [
    [2, 'b\n'],
    [3, 'c\n'],
  ]);
  assert.equal(await texts(log, 3), []);
});

test('a commit without a log, or none, has no chunks', async () => {
  const { ledger, commit } = await withFiles([{ path: 'claim.json', content: '{}' }]);
  assert.equal(await listChunks(ledger.shared, commit), []);
  assert.equal(await listChunks(ledger.shared, 'f'.repeat(40)), []);
});

test('a chunk in the store is read from there; the position moves on only with its last piece', async () => {
  const sha256 = 'd'.repeat(64);
  const log = await withFiles([
    { path: chunkPath(0, 0, false), content: 'a\n' },
    { path: chunkPath(1, 0, true), content: printPointer({ sha256, size: 4 }) },
  ]);
  const asked: string[] = [];
  const read = async (name: string) => {
    asked.push(name);
    return Readable.from([Buffer.from('b\n'), Buffer.from('c\n')]);
  };
  assert.equal(await texts(log, 0, read), [
    [1, 'a\n'],
    [1, 'b\n'],
    [1, 'c\n'],
    [2, ''],
  ]);
  assert.equal(asked, [sha256]);
});

test('what can not be read is said in its place', async () => {
  const log = await withFiles([
    { path: chunkPath(0, 0, true), content: printPointer({ sha256: 'd'.repeat(64), size: 4 }) },
    { path: chunkPath(1, 0, true), content: '{"format":1,"sha256":"../../etc/passwd","size":4}' },
    { path: chunkPath(2, 0, false), content: 'c\n' },
  ]);
  const gone = async () => {
    throw new Error('no such blob');
  };
  for (const readStored of [null, gone]) {
    assert.equal(await texts(log, 0, readStored), [
      [1, "\n[4 bytes of the log are in the store, which can't be read here]\n"],
      [2, "\n[some bytes of the log are in the store, which can't be read here]\n"],
      [3, 'c\n'],
    ]);
  }
});

test('what lies in a log folder and is no chunk is passed over', async () => {
  const log = await withFiles([
    { path: 'log/readme', content: 'x' },
    { path: 'log/00/zz/00.0', content: 'x' },
    { path: 'log/00/00/00.evil', content: 'x' },
    { path: 'log/00/00/01.5/folder', content: 'x' },
    { path: chunkPath(2, 0, false), content: 'c\n' },
  ]);
  assert.equal(await texts(log), [
    [2, '\n[a part of the log is missing from the shared repository]\n'],
    [3, 'c\n'],
  ]);
});

test.run();
