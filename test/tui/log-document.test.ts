import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LogDocument, openLogDocument } from '../../src/tui/log-document.ts';
import { finder } from '../../src/tui/log-text.ts';

const test = suite<{ log: LogDocument }>('log-document');

test.before.each((context) => {
  context.log = openLogDocument();
});
test.after.each(({ log }) => log.close());

const texts = (log: LogDocument, from: number, count: number) =>
  log.lines(from, count).map(({ job, at, bytes }) => `${job}@${at} ${bytes}`);
const never = new AbortController().signal;

test('lines of several jobs stay whole, each with its job and its time', ({ log }) => {
  log.append(0, 10, Buffer.from('one\ntw'));
  log.append(1, 11, Buffer.from('eins\nz'));
  log.append(0, 12, Buffer.from('o\nthree'));
  assert.is(log.lineCount(), 5);
  assert.equal(texts(log, 0, 9), ['0@10 one', '1@11 eins', '0@10 two', '1@11 z', '0@12 three']);
  log.append(1, 13, Buffer.from('wei\n'));
  log.end(0);
  log.end(1);
  assert.equal(texts(log, 0, 9), ['0@10 one', '1@11 eins', '0@10 two', '1@11 zwei', '0@12 three']);
  assert.equal(texts(log, 3, 1), ['1@11 zwei']);
  assert.equal(texts(log, 5, 1), []);
});

test('any part of many lines, and what is searched, either way', async ({ log }) => {
  const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index} ${'x'.repeat(index % 90)}`);
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  for (let from = 0; from < bytes.length; from += 77_777)
    log.append(0, 1, bytes.subarray(from, from + 77_777));
  assert.is(log.lineCount(), lines.length);
  assert.is(log.size(), bytes.length);
  for (const from of [0, 1, 63, 64, 65, 4096, 99_990, 99_999])
    assert.equal(
      log.lines(from, 70).map((line) => String(line.bytes)),
      lines.slice(from, from + 70),
    );
  const searches = [
    ['line 777 ', 0, false, 777],
    ['line 777 ', 777, false, 777],
    ['line 777 ', 778, false, -1],
    ['line 777 ', 99_999, true, 777],
    ['line 777 ', 777, true, 777],
    ['line 777 ', 776, true, -1],
    ['line 99999 ', 0, false, 99_999],
    ['line 0 ', 99_999, true, 0],
    ['9 x', 500, true, 499],
    ['nowhere', 0, false, -1],
  ] as const;
  for (const [wanted, from, backwards, line] of searches)
    assert.is(await log.search(finder(wanted), from, backwards, never), line, `${wanted} from ${from}`);
});

test('a search can be given up, colours do not hide what is searched, an empty log has nothing', async ({
  log,
}) => {
  assert.is(await log.search(finder('a'), 0, false, never), -1);
  assert.is(await log.search(finder('a'), 0, true, never), -1);
  log.append(0, 1, Buffer.from('one\n\x1b[31mEr\x1b[1mror\x1b[0m\n'));
  assert.is(await log.search(finder('Error'), 0, false, never), 1);
  assert.is(await log.search(finder('Error'), 0, false, AbortSignal.abort()), null);
});

test('of a line that never ends, or is drawn again and again, so much is kept', ({ log }) => {
  for (let step = 0; step < 2_000; step += 1) log.append(0, 1, Buffer.from(`\r${'#'.repeat(50)}${step}`));
  log.end(0);
  const [bar] = log.lines(0, 1);
  assert.ok(String(bar?.bytes).endsWith('#1999'));
  assert.ok((bar?.bytes.length ?? 0) <= 16 * 1024);
  log.append(0, 1, Buffer.from(`begin${'x'.repeat(100_000)}\n`));
  const [long] = log.lines(1, 1);
  assert.ok(String(long?.bytes).startsWith('begin'));
  assert.is(long?.bytes.length, 16 * 1024);
});

test.run();
