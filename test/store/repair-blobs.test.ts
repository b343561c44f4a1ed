import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DstackError } from '../../src/errors.ts';
import type { Blob } from '../../src/store/manifest.ts';
import { openStore } from '../../src/store/open-store.ts';
import { type BlobSource, repairBlobs, storeAsSource } from '../../src/store/repair-blobs.ts';
import type { Store } from '../../src/store/store.ts';
import { inTempFolder } from './temp-folder.ts';

/** Two stores, the second of which has these; and a folder for files in passing, which must be empty afterwards. */
const withLost = (test: (store: Store, other: Store, lost: Blob[], passing: string) => Promise<void>) => () =>
  inTempFolder(async (folder) => {
    const passing = join(folder, 'passing');
    await mkdir(passing);
    const [store, other] = [openStore(join(folder, 'store')), openStore(join(folder, 'other'))];
    const lost = [await other.putBytes(Buffer.from('one')), await other.putBytes(Buffer.from('two'))];
    await test(store, other, lost, passing);
    assert.equal(await readdir(passing), []);
  });

const away = new DstackError('store-unreachable', 'nobody answers');

test(
  'what one source can’t give comes from the next; which one can’t be read is told',
  withLost(async (store, other, lost, passing) => {
    const broken: BlobSource = { name: 'broken', fetch: () => Promise.reject(away) };
    const { from, ...rest } = await repairBlobs(
      lost,
      store,
      [broken, storeAsSource('other', other)],
      passing,
    );
    assert.equal([...from.values()], ['other', 'other']);
    assert.equal(rest, { away: new Map([['broken', away]]), failure: undefined });
    for (const { sha256, size } of lost) assert.ok(await store.has(sha256, size));
  }),
);

test(
  'what the store can’t take is told, and not said to be there',
  withLost(async (store, other, [first, second], passing) => {
    const full = new DstackError('store-full', 'no room');
    const small: Store = {
      ...store,
      putFile: async (path, sha256) => {
        if (sha256 === second?.sha256) throw full;
        await store.putFile(path, sha256);
      },
    };
    const lost = [first as Blob, second as Blob];
    const { from, failure } = await repairBlobs(lost, small, [storeAsSource('other', other)], passing);
    assert.is(failure, full);
    assert.ok(!from.has(lost[1]?.sha256 as string));
  }),
);

test(
  'what is of another size than its list of artifacts says is not repaired by what it is',
  withLost(async (store, other, lost, passing) => {
    const wrong = lost.map((blob) => ({ ...blob, size: blob.size + 1 }));
    const source: BlobSource = {
      name: 'other',
      fetch: async ({ sha256 }, path) => {
        await other.fetchFile(sha256, path);
        return true;
      },
    };
    assert.is((await repairBlobs(wrong, store, [source], passing)).from.size, 0);
    assert.is((await repairBlobs(lost, store, [source], passing)).from.size, 2);
  }),
);

test.run();
