import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Store, StoredBlob } from '../../src/store/store.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';

/** A fresh, empty store of the kind under test. `location` is what another process opens it by. */
export interface Subject {
  store: Store;
  location: string;
  /** Overwrites what is stored under that name, behind the store's back. */
  damage(sha256: string, content: Uint8Array): Promise<void>;
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What every kind of store has to do. `subject` opens one below the given folder. */
export function addStoreContract(test: Test, subject: (folder: string) => Promise<Subject>): void {
  function check(name: string, body: (subject: Subject, folder: string) => Promise<void>): void {
    test(name, () => inTempFolder(async (folder) => body(await subject(folder), folder)));
  }

  for (const size of [0, 1, 300_000, 1 << 18]) {
    check(`puts and reads ${size} bytes`, async ({ store }, folder) => {
      const bytes = randomBytes(size);
      const sha256 = sha256Of(bytes);
      await writeFile(join(folder, 'file'), bytes);
      assert.is(await store.has(sha256, size), false);
      await store.putFile(join(folder, 'file'), sha256);
      assert.is(await store.has(sha256, size), true);
      assert.ok((await bytesOf(await store.read(sha256))).equals(bytes));
      await store.fetchFile(sha256, join(folder, 'copy'));
      assert.ok((await readFile(join(folder, 'copy'))).equals(bytes));
    });
  }

  check('puts bytes, twice', async ({ store }, folder) => {
    const bytes = Buffer.from('hello\n');
    const expected = { sha256: sha256Of(bytes), size: 6 };
    assert.equal(await store.putBytes(bytes), expected);
    assert.equal(await store.putBytes(bytes), expected);
    await store.fetchFile(expected.sha256, join(folder, 'copy'));
    assert.is(await readFile(join(folder, 'copy'), 'utf8'), 'hello\n');
  });

  check('refuses content that is not what its name says', async ({ store }, folder) => {
    await writeFile(join(folder, 'file'), 'new content');
    const old = sha256Of(Buffer.from('old content'));
    await assertFails(() => store.putFile(join(folder, 'file'), old), 'file-changed', /file changed/);
    assert.is(await store.has(old, 11), false);
  });

  check('refuses a source that is a link or a FIFO', async ({ store }, folder) => {
    const sha256 = (await store.putBytes(Buffer.from('x'))).sha256;
    await writeFile(join(folder, 'file'), 'x');
    await symlink('file', join(folder, 'link'));
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    for (const name of ['link', 'fifo']) {
      await assertFails(() => store.putFile(join(folder, name), sha256), 'not-a-file', new RegExp(name));
    }
  });

  check('refuses names that are not a sha256', async ({ store }, folder) => {
    for (const name of ['', 'ab', `../${'a'.repeat(61)}`, 'A'.repeat(64), `${'a'.repeat(64)}\n`]) {
      await assertFails(() => store.has(name, 1), 'bad-blob-name', /sha256/);
      await assertFails(() => store.read(name), 'bad-blob-name', /sha256/);
      await assertFails(() => store.remove(name), 'bad-blob-name', /sha256/);
      await assertFails(() => store.fetchFile(name, join(folder, 'copy')), 'bad-blob-name', /sha256/);
    }
  });

  check('says that a blob is missing', async ({ store }, folder) => {
    const sha256 = 'a'.repeat(64);
    await assertFails(() => store.read(sha256), 'blob-missing', /aaaa/);
    await assertFails(() => store.fetchFile(sha256, join(folder, 'copy')), 'blob-missing', /aaaa/);
    await assertAbsent(join(folder, 'copy'));
  });

  check('finds damage, and a new put repairs it', async ({ store, damage }, folder) => {
    const bytes = randomBytes(1000);
    const { sha256 } = await store.putBytes(bytes);
    await damage(sha256, randomBytes(1000));
    await assertFails(
      () => store.fetchFile(sha256, join(folder, 'copy')),
      'blob-damaged',
      new RegExp(sha256),
    );
    await assertAbsent(join(folder, 'copy'));
    assert.is(await store.has(sha256, 1000), false);
    await store.putBytes(bytes);
    await store.fetchFile(sha256, join(folder, 'copy'));
    assert.ok((await readFile(join(folder, 'copy'))).equals(bytes));
  });

  check('sets aside what a reader found damaged, and nothing that is right', async ({ store, damage }) => {
    const { sha256 } = await store.putBytes(randomBytes(1000));
    const right = await store.setAside(sha256);
    assert.is(right.code, 'blob-damaged');
    assert.is(await store.has(sha256, 1000), true);
    await damage(sha256, randomBytes(1000));
    const error = await store.setAside(sha256);
    assert.is(error.code, 'blob-damaged');
    assert.ok(error.hint);
    assert.is(await store.has(sha256, 1000), false);
  });

  check('takes a blob of the wrong size for absent, and replaces it', async ({ store, damage }, folder) => {
    const { sha256 } = await store.putBytes(Buffer.from('content'));
    await damage(sha256, Buffer.from('cont'));
    assert.is(await store.has(sha256, 7), false);
    await writeFile(join(folder, 'file'), 'content');
    await store.putFile(join(folder, 'file'), sha256);
    assert.is(await store.has(sha256, 7), true);
  });

  check('never writes over what is at the target', async ({ store }, folder) => {
    const { sha256 } = await store.putBytes(Buffer.from('content'));
    await writeFile(join(folder, 'mine'), 'mine');
    let failed = false;
    await store.fetchFile(sha256, join(folder, 'mine')).catch(() => {
      failed = true;
    });
    assert.ok(failed);
    assert.is(await readFile(join(folder, 'mine'), 'utf8'), 'mine');
  });

  check('reads a part of a blob', async ({ store }) => {
    const bytes = randomBytes(300_000);
    const { sha256 } = await store.putBytes(bytes);
    const table = [
      { offset: 0, length: 1 },
      { offset: 1000, length: 0 },
      { offset: 1000, length: 200_000 },
      { offset: 299_999, length: 1 },
      { offset: 299_990, length: 100 },
      { offset: 300_000, length: 10 },
    ];
    for (const range of table) {
      const part = await bytesOf(await store.read(sha256, range));
      assert.ok(
        part.equals(bytes.subarray(range.offset, range.offset + range.length)),
        JSON.stringify(range),
      );
    }
    for (const length of [0, 1]) {
      await assertFails(() => store.read('a'.repeat(64), { offset: 0, length }), 'blob-missing', /aaaa/);
    }
  });

  check('lists its blobs and nothing else', async ({ store, damage }) => {
    assert.equal(await listOf(store), []);
    const before = Date.now() - 2000;
    const blobs = await Promise.all([0, 1, 5, 1000, 1001].map((size) => store.putBytes(randomBytes(size))));
    const damaged = await store.putBytes(Buffer.from('content'));
    await damage(damaged.sha256, Buffer.from('cont'));
    const listed = await listOf(store);
    const expected = [...blobs, { ...damaged, size: 4 }].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
    assert.equal(
      listed.map(({ sha256, size }) => ({ sha256, size })),
      expected,
    );
    for (const { modified } of listed) {
      assert.ok(modified.getTime() >= before && modified.getTime() <= Date.now() + 2000, String(modified));
    }
  });

  check('removes a blob', async ({ store }) => {
    const [gone, kept] = [
      await store.putBytes(Buffer.from('gone')),
      await store.putBytes(Buffer.from('kept')),
    ];
    await store.remove(gone.sha256);
    assert.is(await store.has(gone.sha256, gone.size), false);
    await assertFails(() => store.read(gone.sha256), 'blob-missing', new RegExp(gone.sha256));
    await store.remove(gone.sha256);
    assert.equal(
      (await listOf(store)).map(({ sha256 }) => sha256),
      [kept.sha256],
    );
    await store.putBytes(Buffer.from('gone'));
    assert.is(await store.has(gone.sha256, gone.size), true);
  });

  check('takes the same blob from several processes at once', async ({ store, location }, folder) => {
    const bytes = randomBytes(4 << 20);
    const sha256 = sha256Of(bytes);
    await writeFile(join(folder, 'file'), bytes);
    await Promise.all(
      [1, 2, 3].map(() =>
        promisify(execFile)(process.execPath, putProcess(location, join(folder, 'file'), sha256)),
      ),
    );
    await store.fetchFile(sha256, join(folder, 'copy'));
    assert.ok((await readFile(join(folder, 'copy'))).equals(bytes));
  });

  check('takes the same blob many times at once', async ({ store }, folder) => {
    const bytes = randomBytes(100_000);
    const sha256 = sha256Of(bytes);
    await writeFile(join(folder, 'file'), bytes);
    await Promise.all(Array.from({ length: 10 }, () => store.putFile(join(folder, 'file'), sha256)));
    await store.fetchFile(sha256, join(folder, 'copy'));
    assert.ok((await readFile(join(folder, 'copy'))).equals(bytes));
  });
}

export async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listOf(store: Store): Promise<StoredBlob[]> {
  const blobs: StoredBlob[] = [];
  for await (const blob of store.list()) blobs.push(blob);
  return blobs;
}

/** Arguments for Node that put a file into a store from a process of its own. */
export function putProcess(location: string, path: string, sha256: string): string[] {
  return ['--import', 'tsx', new URL('put-process.ts', import.meta.url).pathname, location, path, sha256];
}

export async function assertAbsent(path: string): Promise<void> {
  const stats = await stat(path).catch(() => null);
  assert.is(stats, null, `${path} should not be there`);
}
