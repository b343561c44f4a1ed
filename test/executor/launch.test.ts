import { execFileSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { launchOf } from '../../src/executor/launch.ts';
import { createLaunchMark } from '../../src/executor/launch-mark.ts';

const printed = (command: string) => execFileSync('/bin/sh', ['-c', command]);

/** What comes through of the chunks, and how often the mark was seen. */
function through(chunksOf: (line: Buffer, command: string) => Buffer[]) {
  const out: Uint8Array[] = [];
  let times = 0;
  const mark = createLaunchMark(
    (chunk) => out.push(chunk),
    () => (times += 1),
  );
  for (const chunk of chunksOf(printed(mark.command), mark.command)) mark.output(chunk);
  mark.end();
  return { text: Buffer.concat(out).toString(), times, seen: mark.seen() };
}

test('the line by which the shell shows itself is taken out of the output, wherever it is cut', () => {
  const whole = (line: Buffer) => Buffer.concat([Buffer.from('banner\n'), line, Buffer.from('mine\n')]);
  for (let at = 0; at <= whole(printed('echo x')).length + 80; at += 1) {
    const { text, times } = through((line) => [whole(line).subarray(0, at), whole(line).subarray(at)]);
    assert.equal([text, times], ['banner\nmine\n', 1], String(at));
  }
  const bytes = through((line) => [...whole(line)].map((byte) => Buffer.from([byte])));
  assert.is(bytes.text, 'banner\nmine\n');
});

test('the command itself, which an entrypoint may print, is no sign of it', () => {
  const { text, seen } = through((_, command) => [Buffer.from(`/bin/sh -c ${command}; exec\n`)]);
  assert.is(seen, false);
  assert.match(text, /^\/bin\/sh -c printf .*; exec\n$/);
});

test('what only began like it is output', () => {
  const { text, seen } = through((line) => [line.subarray(0, 20)]);
  assert.is(text.length, 20);
  assert.is(seen, false);
});

test("a workflow's entrypoint replaces that of the image, which begins where its author meant it to", () => {
  const config = { Entrypoint: ['./entry.sh'], WorkingDir: '/opt/x' };
  assert.equal(launchOf(undefined, config), { entrypoint: ['./entry.sh'], folder: '/opt/x' });
  assert.equal(launchOf(undefined, { Entrypoint: '/entry.sh', WorkingDir: '' }), {
    entrypoint: ['/entry.sh'],
    folder: '/',
  });
  assert.equal(launchOf([], config), { entrypoint: [], folder: null });
  assert.equal(launchOf(['a'], config), { entrypoint: ['a'], folder: null });
  assert.equal(launchOf(undefined, { WorkingDir: '/opt/x' }), { entrypoint: [], folder: null });
  assert.equal(launchOf(undefined, undefined), { entrypoint: [], folder: null });
});

test.run();
