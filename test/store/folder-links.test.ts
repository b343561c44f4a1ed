import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { emptyRetired, retireUnused } from '../../src/store/sweep.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';

/** As `dstack prune` does it where no run needs anything. */
async function sweep(store: Store): Promise<void> {
  await retireUnused(store, new Set(), new Date(Date.now() + 60_000), 'now');
  await emptyRetired(
    store,
    'now',
    async () => new Set(),
    async () => new Set(),
  );
}

const blob = 'cc'.repeat(32);
for (const [way, name] of [
  ['sha256/cc', blob.slice(2)],
  ['sha256', `cc/${blob.slice(2)}`],
  ['retired/evil', blob],
  ['retired', `evil/${blob}`],
] as const) {
  test(`what is elsewhere is not swept through a link in the place of ${way}`, () =>
    inTempFolder(async (folder) => {
      const root = join(folder, 'store');
      const mine = join(folder, 'mine', name);
      await mkdir(join(mine, '..'), { recursive: true });
      await writeFile(mine, 'mine');
      await mkdir(join(root, way, '..'), { recursive: true });
      await symlink(join(folder, 'mine'), join(root, way));
      const store = openStore(root);
      const retired = { sha256: blob, size: 4, batch: 'evil' };
      await sweep(store);
      assert.is(await store.retired.add(blob, 'evil'), false);
      await store.retired.remove(retired);
      await store.remove(blob);
      await store.retired.restore(retired);
      assert.is(await readFile(mine, 'utf8'), 'mine');
    }));
}

test('nothing is put back or retired through a link to elsewhere', () =>
  inTempFolder(async (folder) => {
    const root = join(folder, 'store');
    const store = openStore(root);
    const { sha256, size } = await store.putBytes(randomBytes(100));
    const place = join(root, 'sha256', sha256.slice(0, 2));
    await mkdir(join(folder, 'mine'));
    await symlink(join(folder, 'mine'), join(root, 'retired'));
    await assertFails(() => store.retired.add(sha256, 'a'), 'store-not-a-folder', /store/);
    await rm(join(root, 'retired'));
    await store.retired.add(sha256, 'a');
    await rename(place, join(folder, 'old'));
    await symlink(join(folder, 'mine'), place);
    const blob = { sha256, size, batch: 'a' };
    await assertFails(() => store.retired.restore(blob), 'store-not-a-folder', /store/);
    assert.equal(await readdir(join(folder, 'mine')), []);
    await rm(place);
    await store.retired.restore(blob);
    assert.is(await store.has(sha256, size), true);
  }));

test.run();
