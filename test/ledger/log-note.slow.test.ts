import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RecordFile } from '../../src/ledger/formats.ts';
import type { NewChunk } from '../../src/ledger/log-chunks.ts';
import { logBytesInGit } from '../../src/ledger/log-chunks.ts';
import { logNote } from '../../src/ledger/log-note.ts';
import { makeRecord } from '../../src/ledger/records.ts';
import { chunk, claim, done, queued, scratchLedger, submit } from './support.ts';

async function noteOf(
  chunks: readonly NewChunk[],
  more: { log?: RecordFile['log']; tail?: string; reason?: string } = {},
): Promise<string> {
  const { ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const holder = await claim(ledger, await queued(ledger, 'run-1'));
  if (chunks.length > 0) await holder.renew({ chunks });
  const outcome = { ...done, reason: more.reason ?? null, ...(more.log ? { log: more.log } : {}) };
  const finished = await holder.finish(
    (file) => makeRecord(holder.entry, file, outcome, new Date().toISOString()),
    {
      artifacts: null,
      logTail: more.tail === undefined ? null : Buffer.from(more.tail),
    },
  );
  if (finished.result !== 'won') throw new Error(finished.result);
  return logNote(ledger.shared, finished.commit, finished.record);
}

test('a log is under its job, its state and the reason', async () => {
  assert.is(await noteOf([chunk('a\n'), chunk('b\n')], { reason: 'why' }), 'train (done: why)\n\na\nb\n');
});

test('without output there is the heading alone', async () => {
  assert.is(await noteOf([]), 'train (done)\n\n');
});

test('a final newline is added where there is none', async () => {
  assert.is(await noteOf([chunk('no newline')]), 'train (done)\n\nno newline\n');
});

test('invalid UTF-8 becomes text, even where it is cut between two chunks', async () => {
  const euro = Buffer.from('€');
  const note = await noteOf([
    chunk(Buffer.from([0xff, 0x41])),
    chunk(euro.subarray(0, 1)),
    chunk(euro.subarray(1)),
  ]);
  assert.is(note, 'train (done)\n\n\ufffdA€\n');
});

test('of a progress bar its last state is left, and no control sequence of anything', async () => {
  const note = await noteOf([chunk('\r 10%\r 50%'), chunk('\r100%\n\x1b[31mred\x1b[0m\x1b]52;c;aGk=\x07\n')]);
  assert.is(note, 'train (done)\n\n100%\nred\n');
});

test('of a log longer than Git takes there are head, tail and a pointer', async () => {
  const head = Buffer.alloc(logBytesInGit, 'head line\n');
  const stored = { sha256: 'd'.repeat(64), size: 5000 };
  const log = {
    bytes: logBytesInGit + 5000,
    sha256: createHash('sha256').update('whole').digest('hex'),
    stored: true,
  };
  const note = await noteOf([chunk(head), { at: 0, stored }], { log, tail: 'the end\n' });
  const omitted = 5000 - 'the end\n'.length;
  assert.ok(note.startsWith('train (done)\n\nhead line\n'));
  assert.ok(
    note.endsWith(
      `\n[${omitted} bytes are left out here; the whole log is sha256 ${log.sha256} in the store]\n\nthe end\n`,
    ),
  );
  assert.is(note.includes("can't be read here"), false);
  assert.ok(note.length < logBytesInGit + 500);
});

test('a log of which only the head is known says that there is more', async () => {
  const stored = { sha256: 'd'.repeat(64), size: 5000 };
  const note = await noteOf([chunk('head\n'), { at: 0, stored }]);
  assert.is(note, 'train (done)\n\nhead\n\n[the rest is left out here; `dstack logs` shows it]\n');
});

test.run();
