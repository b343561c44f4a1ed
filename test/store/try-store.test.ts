import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { tryStore } from '../../src/store/try-store.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';

const test = suite('try-store');

/** A store in a folder, one of whose calls does something else. */
const broken = (folder: string, call: Partial<Store>): Store => ({ ...openStore(folder), ...call });

test('a store that works is left as it was', () =>
  inTempFolder(async (folder) => {
    const store = openStore(folder);
    assert.is(await tryStore(store), `${folder}: can be written, read, and cleaned up`);
    for await (const blob of store.list()) assert.unreachable(blob.sha256);
  }));

test('what forgets or changes its content is named', () =>
  inTempFolder(async (folder) => {
    const forgets = broken(folder, { has: async () => false });
    await assertFails(() => tryStore(forgets), 'store-unreliable', new RegExp(folder));
    const { sha256 } = await openStore(folder).putBytes(Buffer.from('other'));
    const changes = broken(folder, { read: () => openStore(folder).read(sha256) });
    await assertFails(() => tryStore(changes), 'store-unreliable', new RegExp(folder));
  }));

test('one where nothing can be removed can be used', () =>
  inTempFolder(async (folder) => {
    const keeps = broken(folder, {
      remove: async () => {
        // What a store itself says then.
        await openStore('/dev/null/store').putBytes(Buffer.from('x'));
      },
    });
    assert.match(await tryStore(keeps), /can be written and read, but nothing removed: .*not a folder/);
  }));

test.run();
