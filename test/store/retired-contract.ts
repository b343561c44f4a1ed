import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RetiredBlob, Store } from '../../src/store/store.ts';
import { assertAbsent, bytesOf, type Subject } from './store-contract.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';

/** What every kind of store has to do with what is about to be removed, and with what it has beside its blobs. */
export function addRetiredContract(test: Test, subject: (folder: string) => Promise<Subject>): void {
  function check(name: string, body: (subject: Subject, folder: string) => Promise<void>): void {
    test(name, () => inTempFolder(async (folder) => body(await subject(folder), folder)));
  }

  check('a retired blob is absent, and read still', async ({ store }, folder) => {
    const bytes = randomBytes(5000);
    const { sha256, size } = await store.putBytes(bytes);
    assert.is(await store.retired.add(sha256, 'a'), true);
    assert.is(await store.has(sha256, size), false);
    for await (const blob of store.list()) assert.unreachable(blob.sha256);
    assert.equal(await retiredOf(store), [{ sha256, size, batch: 'a' }]);
    assert.ok((await bytesOf(await store.read(sha256))).equals(bytes));
    await store.fetchFile(sha256, join(folder, 'copy'));
    assert.is(await store.retired.add(sha256, 'b'), false);
  });

  check('what is put again is there, whatever becomes of what was retired', async ({ store }) => {
    const bytes = randomBytes(5000);
    const { sha256, size } = await store.putBytes(bytes);
    await store.retired.add(sha256, 'a');
    await store.putBytes(bytes);
    assert.is(await store.has(sha256, size), true);
    for (const blob of await retiredOf(store)) await store.retired.remove(blob);
    assert.equal(await retiredOf(store), []);
    assert.is(await store.has(sha256, size), true);
    await store.retired.add(sha256, 'b');
    await store.putBytes(bytes);
    for (const blob of await retiredOf(store)) await store.retired.restore(blob);
    assert.equal(await retiredOf(store), []);
    assert.ok((await bytesOf(await store.read(sha256))).equals(bytes));
  });

  check('puts back, removes; and does it twice', async ({ store }, folder) => {
    const { sha256, size } = await store.putBytes(randomBytes(5000));
    await store.retired.add(sha256, 'a');
    const first = { sha256, size, batch: 'a' };
    for (const _ of [1, 2]) await store.retired.restore(first);
    assert.equal(await retiredOf(store), []);
    assert.is(await store.has(sha256, size), true);
    await store.retired.add(sha256, 'c');
    for (const _ of [1, 2]) await store.retired.remove({ ...first, batch: 'c' });
    assert.equal(await retiredOf(store), []);
    await assertFails(() => store.fetchFile(sha256, join(folder, 'copy')), 'blob-missing', /./);
    await assertAbsent(join(folder, 'copy'));
  });

  check('one that is not there is not retired; names stay within the store', async ({ store }) => {
    assert.is(await store.retired.add('a'.repeat(64), 'a'), false);
    assert.equal(await retiredOf(store), []);
    const { sha256, size } = await store.putBytes(Buffer.from('x'));
    for (const batch of ['', '..', 'a/b', 'A', '-a']) {
      await assertFails(() => store.retired.add(sha256, batch), 'bad-name', /name/);
      await assertFails(() => store.retired.remove({ sha256, size, batch }), 'bad-name', /name/);
      await assertFails(() => store.notes.write(batch, ''), 'bad-name', /name/);
    }
    await assertFails(() => store.retired.remove({ sha256: '..', size, batch: 'a' }), 'bad-blob-name', /./);
    assert.is(await store.has(sha256, size), true);
  });

  check('keeps notes, by the beginning of their names', async ({ store }) => {
    assert.equal(await store.notes.read(''), new Map());
    await store.notes.write('user-b', 'first');
    await store.notes.write('user-b', 'second ✓');
    await store.notes.write('user-a', 'a');
    await store.notes.write('batch-c', 'c');
    assert.equal(
      [...(await store.notes.read('user-'))],
      [
        ['user-a', 'a'],
        ['user-b', 'second ✓'],
      ],
    );
    for (const _ of [1, 2]) await store.notes.remove('user-a');
    assert.equal([...(await store.notes.read('')).keys()], ['batch-c', 'user-b']);
  });

  check('tells its time, and leaves nothing of the question', async ({ store }) => {
    const time = (await store.now()).getTime();
    assert.ok(Math.abs(time - Date.now()) < 60_000, String(time));
    const { sha256 } = await store.putBytes(Buffer.from('x'));
    for await (const blob of store.list()) {
      assert.is(blob.sha256, sha256);
      assert.ok(blob.modified.getTime() >= time - 1000, `${blob.modified} before ${new Date(time)}`);
    }
    assert.equal(await store.notes.read(''), new Map());
    assert.is(await store.staleFor(), 0);
  });
}

async function retiredOf(store: Store): Promise<RetiredBlob[]> {
  const found: RetiredBlob[] = [];
  for await (const blob of store.retired.list()) found.push(blob);
  return found;
}
