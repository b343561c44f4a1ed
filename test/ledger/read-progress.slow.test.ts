import { Readable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeCommits } from '../../src/git/write-commits.ts';
import { signature } from '../../src/ledger/ledger.ts';
import { chunkPath, printPointer } from '../../src/ledger/log-chunks.ts';
import { lastLines, lastMeasurements, readProgress } from '../../src/ledger/read-progress.ts';
import { scratchLedger } from './support.ts';

type Files = { path: string; content: string | Uint8Array }[];

async function withFiles(files: Files) {
  const { ledger } = await scratchLedger();
  const reads: string[] = [];
  const read = ledger.shared.read;
  const shared = {
    ...ledger.shared,
    read: (name: string) => {
      reads.push(name);
      return read(name);
    },
  };
  const [commit] = await writeCommits(ledger.shared.local, [
    { parents: [], files, message: 'log', author: signature(ledger) },
  ]);
  return { ledger: { ...ledger, shared }, commit: commit as string, reads };
}

test('the last lines are plain text: bars in their last state, nothing empty, nothing that moves a terminal', () => {
  const output = 'begin\n\n\x1b[31mred\x1b[0m\ttab\x1b[2J\n  0%|    |\r 50%|##  |\r100%|####|';
  assert.equal(lastLines(Buffer.from(output)), ['begin', 'red tab', '100%|####|']);
  const long = lastLines(Buffer.from(`${'x'.repeat(1_000)}\n`.repeat(30)));
  assert.is(long.length, 20);
  assert.is(long[0]?.length, 500);
});

test('of the last lines of metrics the newest value of each name counts, and half a line does not', () => {
  const text = 'oss": 9}\n{"step": 1, "loss": 0.5, "lr": 0.1}\n{"step": 2, "loss": 0.4}\n{"step": 3, "lo';
  assert.equal(lastMeasurements(text), { step: 2, loss: 0.4, lr: 0.1 });
  assert.is(lastMeasurements('no json\n'), null);
});

test('of a long log its end alone is read', async () => {
  const files: Files = Array.from({ length: 600 }, (_, number) => ({
    path: chunkPath(number, number, false),
    content: `line ${number}\n`,
  }));
  files.push({ path: chunkPath(0, 1, false, 'metrics'), content: '{"loss": 0.25}\n' });
  const { ledger, commit, reads } = await withFiles(files);
  const { lines, metrics } = await readProgress(ledger, commit, null);
  assert.equal(lines, ['line 596', 'line 597', 'line 598', 'line 599']);
  assert.equal(metrics, { loss: 0.25 });
  assert.ok(reads.length < 20, `it read ${reads.length} objects`);
});

test('of what is in the store the last stretch is read; what can’t be is left out', async () => {
  const stored = `${'x'.repeat(100_000)}\nlast\n`;
  const { ledger, commit } = await withFiles([
    { path: chunkPath(0, 1, false), content: 'first\n' },
    {
      path: chunkPath(1, 2, true),
      content: printPointer({ sha256: 'a'.repeat(64), size: stored.length }),
    },
  ]);
  const asked: number[] = [];
  const { lines } = await readProgress(ledger, commit, async (sha256, { offset, length }) => {
    assert.is(sha256, 'a'.repeat(64));
    asked.push(length);
    return Readable.from([Buffer.from(stored.slice(offset, offset + length))]);
  });
  assert.is(lines.at(-1), 'last');
  assert.equal(asked, [16 << 10]);
  const gone = () => Promise.reject(new Error('gone'));
  assert.equal(await readProgress(ledger, commit, gone), { lines: [], metrics: null });
  assert.equal(await readProgress(ledger, commit, null), { lines: [], metrics: null });
});

test('a job that has told nothing yet has no progress', async () => {
  const { ledger, commit } = await withFiles([{ path: 'claim.json', content: '{}' }]);
  assert.equal(await readProgress(ledger, commit, null), { lines: [], metrics: null });
});

test.run();
