import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { longestLine, splitLines } from '../../src/web/log-lines.ts';

const push = (splitter: ReturnType<typeof splitLines>, text: string) => splitter.push(Buffer.from(text));

test('lines come when they are complete, however they are cut', () => {
  const splitter = splitLines();
  assert.equal(push(splitter, 'one\ntw'), ['one']);
  assert.is(splitter.rest(), 'tw');
  assert.equal(push(splitter, 'o\n\nthree\n'), ['two', '', 'three']);
  assert.is(splitter.rest(), null);
});

test('each line begins with the colours that are in force there, and nothing else of a terminal is left', () => {
  const splitter = splitLines();
  assert.equal(
    push(
      splitter,
      '\x1b[31mred\nstill\x1b[0m not\nplain\x1b[2J\x1b]0;title\x07\x1b]8;;http://evil\x07 end\n',
    ),
    ['\x1b[31mred', '\x1b[31mstill\x1b[0m not', 'plain end'],
  );
});

test('a progress bar is shown in its last state, also while it goes on', () => {
  const splitter = splitLines();
  push(splitter, '10%\r20%\r');
  assert.is(splitter.rest(), '20%');
  assert.equal(push(splitter, '30%\ndone\n'), ['30%', 'done']);
});

test('a line without an end takes bounded memory, and is cut', () => {
  const splitter = splitLines();
  for (let piece = 0; piece < 100; piece += 1) push(splitter, 'x'.repeat(1_000));
  assert.ok((splitter.rest() ?? '').length < longestLine + 20);
  const [line = ''] = push(splitter, '\nnext\n');
  assert.match(line, /x… \[cut\]$/);
  assert.ok(line.length < longestLine + 20);
});

test('colours without end don’t pile up', () => {
  const splitter = splitLines();
  push(splitter, `${'\x1b[31m'.repeat(10_000)}\n`);
  const [line = ''] = push(splitter, 'next\n');
  assert.ok(line.length < 200);
});

test.run();
