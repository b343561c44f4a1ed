import { chmod, open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/open-store.ts';
import { inTempFolder } from './temp-folder.ts';

test('a good blob that comes while the damaged one is read stays in its place', () =>
  inTempFolder(async (folder) => {
    const store = openStore(join(folder, 'store'));
    const { sha256 } = await store.putBytes(Buffer.from('good'));
    const path = join(folder, 'store/sha256', sha256.slice(0, 2), sha256.slice(2));
    const good = join(folder, 'good');
    await writeFile(good, 'good');
    await chmod(path, 0o644);
    await writeFile(path, 'evil');

    const handle = await open(path, 'r');
    const methods = Object.getPrototypeOf(handle) as { read: (...args: unknown[]) => Promise<unknown> };
    await handle.close();
    const { read } = methods;
    methods.read = async function (this: unknown, ...args: unknown[]) {
      const result = await read.apply(this, args);
      methods.read = read;
      await rename(good, path);
      return result;
    };
    try {
      assert.is((await store.setAside(sha256)).code, 'blob-damaged');
    } finally {
      methods.read = read;
    }
    assert.is(await readFile(path, 'utf8'), 'good');
    assert.equal(await readdir(join(folder, 'store')), ['sha256', 'tmp']);
  }));

test.run();
