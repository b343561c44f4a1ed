import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NewChunk } from '../../src/ledger/log-chunks.ts';
import { logBytesInGit } from '../../src/ledger/log-chunks.ts';
import { openLogPump } from '../../src/runner/log-pump.ts';
import { openStore } from '../../src/store/open-store.ts';

const test = suite<{ folder: string }>('log pump');

test.before.each((context) => {
  context.folder = mkdtempSync(path.join(tmpdir(), 'pump-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

/** A pump into a real store, and what it hands over. */
async function start(folder: string, inherited: AsyncIterable<Uint8Array> | null = null) {
  const store = openStore(`file:${path.join(folder, 'store')}`);
  const sent: NewChunk[] = [];
  const file = path.join(folder, 'log');
  const send = async (chunks: readonly NewChunk[]) => void sent.push(...chunks);
  return { pump: await openLogPump({ file, inherited, store, whole: true, send }), sent, store };
}

const textOf = (chunks: readonly NewChunk[]) =>
  chunks.map((chunk) => ('bytes' in chunk ? Buffer.from(chunk.bytes).toString() : '')).join('');

test('a line is handed over while the job runs; what comes last is left for the end', async ({ folder }) => {
  const { pump, sent } = await start(folder);
  pump.push(Buffer.from('first\n'));
  while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.is(textOf(sent), 'first\n');
  pump.push(Buffer.from('second\n'));
  const end = await pump.end();
  pump.close();
  assert.is(textOf([...sent, ...end.rest]), 'first\nsecond\n');
  assert.equal([end.bytes, end.stored, end.tail, end.problem], [13, false, null, null]);
});

test('what earlier attempts left counts, and is not sent again', async ({ folder }) => {
  const { pump } = await start(folder, pieces('one\n', 'two\n'));
  pump.push(Buffer.from('three\n'));
  const end = await pump.end();
  pump.close();
  assert.is(textOf(end.rest), 'three\n');
  assert.is(end.bytes, 14);
});

test('a long log: its beginning for Git, pieces in the store, the whole of it there, too, and a tail', async ({
  folder,
}) => {
  const { pump, sent, store } = await start(folder);
  const line = Buffer.from(`${'x'.repeat(1023)}\n`);
  const lines = logBytesInGit / 1024 + 100;
  for (let count = 0; count < lines; count += 1) pump.push(line);
  pump.push(Buffer.from('the end'));
  const end = await pump.end();
  pump.close();
  const all = [...sent, ...end.rest];
  assert.is(textOf(all).length, logBytesInGit);
  const stored = all.flatMap((chunk) => ('stored' in chunk ? [chunk.stored] : []));
  assert.is(
    stored.reduce((sum, { size }) => sum + size, 0),
    lines * 1024 + 7 - logBytesInGit,
  );
  assert.is(end.bytes, lines * 1024 + 7);
  assert.ok(end.stored);
  assert.ok(await store.has(end.sha256, end.bytes));
  assert.ok(
    Buffer.from(end.tail as Uint8Array)
      .toString()
      .endsWith('x\nthe end'),
  );
});

test('a store that takes nothing does not stop the job; the end tells', async ({ folder }) => {
  writeFileSync(path.join(folder, 'store'), 'in the way');
  const { pump } = await start(folder);
  pump.push(Buffer.alloc(logBytesInGit + 10, 'y'));
  const end = await pump.end();
  pump.close();
  assert.match(textOf(end.rest), '[10 bytes of output could not be stored');
  assert.not.ok(end.stored);
  assert.match(end.problem as string, /^its log could not be kept: the store .*; \w/);
});

test.run();
