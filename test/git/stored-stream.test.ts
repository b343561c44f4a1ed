import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeObject } from '../../src/git/encode-object.ts';
import { readStoredStream, storedStream } from '../../src/git/stored-stream.ts';
import { scratchFolder } from './scratch-repository.ts';

test('zlib and the reader beside it read what is stored', () => {
  const largest = Buffer.alloc(0xffff, 0xff);
  for (const bytes of [Buffer.alloc(0), Buffer.from('a'), randomBytes(5_000), largest]) {
    const stream = storedStream(bytes);
    assert.ok(inflateSync(stream).equals(bytes), `${bytes.length} bytes`);
    assert.ok(readStoredStream(stream)?.equals(bytes), `${bytes.length} bytes`);
  }
  assert.throws(() => storedStream(Buffer.alloc(0x10000)), /too many/);
});

test('what is damaged, cut off, or another stream is not read', () => {
  const stream = storedStream(Buffer.from('blob 5\0hello'));
  for (let at = 0; at < stream.length; at += 1) {
    const damaged = Buffer.from(stream);
    damaged[at] = (damaged[at] as number) ^ 4;
    assert.is(readStoredStream(damaged), null, `byte ${at}`);
    assert.is(readStoredStream(stream.subarray(0, at)), null, `cut off at ${at}`);
  }
});

test('Git reads an object that is stored so, finds nothing wrong with it, and packs it', () => {
  const folder = scratchFolder();
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim();
  git('init', '--quiet', '--bare');
  const content = 'of a claim\n'.repeat(300);
  const { id, bytes } = encodeObject('blob', content, 'sha1');
  const file = join(folder, 'objects', id.slice(0, 2), id.slice(2));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, storedStream(bytes));
  assert.is(git('cat-file', 'blob', id), content.trim());
  assert.is(git('fsck', '--strict'), `dangling blob ${id}`);
  execFileSync('git', ['pack-objects', '--quiet', join(folder, 'objects/pack/pack')], {
    cwd: folder,
    input: `${id}\n`,
  });
  git('prune-packed', '--quiet');
  assert.match(git('count-objects', '-v'), /^count: 0$[\s\S]*^in-pack: 1$/m);
  assert.is(git('cat-file', 'blob', id), content.trim());
});

test.run();
