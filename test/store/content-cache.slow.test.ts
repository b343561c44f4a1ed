import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openContentCache } from '../../src/store/content-cache.ts';
import { mayMount, smallDisk } from '../faults/small-disk.ts';
import { random } from './random.ts';
import { missing, reflinkDisk } from './reflink-disk.ts';
import { assertAbsent, sha256Of } from './store-contract.ts';
import { inTempFolder } from './temp-folder.ts';

const test = suite('content-cache');

async function keptIn(root: string): Promise<string[]> {
  const names = await readdir(root, { recursive: true }).catch(() => []);
  return names.filter((path) => /\/[0-9a-f]{62}$/.test(path)).map((path) => join(root, path));
}

test('processes that share it, and are killed at any time, leave nothing wrong in it', () =>
  inTempFolder(async (folder) => {
    const [root, files] = [join(folder, 'cache'), join(folder, 'files')];
    await mkdir(files);
    for (let index = 0; index < 30; index += 1)
      await writeFile(join(files, `${index}`), random(100_000 + 50_000 * index, `${index}`));
    const script = new URL('cache-process.ts', import.meta.url).pathname;
    const limit = 10 << 20;
    const said: string[] = [];
    const one = async (life: number) => {
      const child = spawn(process.execPath, ['--import', 'tsx', script, root, `${limit}`, files]);
      child.stdout.on('data', (text) => said.push(...String(text).trim().split('\n')));
      child.stderr.on('data', (text) => said.push(String(text)));
      await once(child.stdout, 'data');
      await sleep(life);
      child.kill('SIGKILL');
      assert.equal(await once(child, 'exit'), [null, 'SIGKILL']);
    };
    for (const lives of [
      [300, 401, 523],
      [211, 317, 433],
    ])
      await Promise.all(lives.map(one));
    assert.equal(new Set(said), new Set(['ready']));
    const kept = await keptIn(root);
    assert.ok(kept.length > 3);
    for (const path of kept) {
      assert.is(sha256Of(await readFile(path)), path.split('/').slice(-2).join(''));
    }
    const sizes = await Promise.all(kept.map(async (path) => (await stat(path)).size));
    // Each has to see what the others put in, now and then.
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) < 1.5 * limit);
  }));

if (!mayMount) console.log('SKIP a cache on a full disk: mounting a small one needs root');
else {
  test('on a full disk nothing is kept, and what was kept gives way', () =>
    inTempFolder(async (folder) => {
      const root = join(folder, 'disk');
      const disk = smallDisk(root, '4m');
      try {
        const open = () =>
          openContentCache({
            root,
            store: 'a store',
            limit: 2 ** 30,
            warn: (message) => assert.unreachable(message),
          });
        const cache = open();
        const [path, bytes] = [join(folder, 'file'), random(1 << 20, 'file')];
        const content = { sha256: sha256Of(bytes), size: bytes.length };
        await writeFile(path, bytes);
        await cache.keep(content, path);
        assert.is((await keptIn(root)).length, 1);
        disk.fill();
        assert.is(await cache.take(content, join(root, 'target')), false);
        await assertAbsent(join(root, 'target'));
        await cache.tidy();
        assert.equal(await keptIn(root), []);
        disk.empty();

        const other = random(1 << 20, 'other');
        await cache.keepBytes({ sha256: sha256Of(other), size: other.length }, other);
        await cache.keep(content, path);
        await writeFile(join(root, 'of others'), random(3 << 18, 'of others'));
        for (const name of ['one', 'two']) {
          assert.is(await cache.take(content, join(root, name)), true);
        }
        assert.is((await keptIn(root)).length, 1);
        for (const name of ['one', 'two', 'of others']) await rm(join(root, name));

        // A tenth stays free, whatever the limit.
        for (let index = 0; index < 8; index += 1) {
          const more = random(1 << 20, `${index}`);
          await cache.keepBytes({ sha256: sha256Of(more), size: more.length }, more);
        }
        assert.is((await keptIn(root)).length, 3);
        assert.equal(await readdir(join(root, 'tmp')), []);
      } finally {
        disk.remove();
      }
    }));
}

if (missing !== null) console.log(`SKIP a cache on a disk with reflinks: ${missing}`);
else {
  test('with reflinks, what is kept and what is taken share blocks until a job writes to it', () =>
    inTempFolder(async (folder) => {
      const disk = reflinkDisk(folder, 256);
      if (!disk) return;
      try {
        const root = join(disk.path, 'cache');
        const cache = openContentCache({ root, store: 'a store', limit: 2 ** 30, warn: () => {} });
        const [path, bytes] = [join(disk.path, 'file'), random(32 << 20, 'file')];
        const content = { sha256: sha256Of(bytes), size: bytes.length };
        await writeFile(path, bytes);
        await cache.keep(content, path);
        // Together more than the disk has.
        for (let index = 0; index < 10; index += 1) {
          assert.is(await cache.take(content, join(disk.path, `${index}`)), true);
        }
        await appendFile(join(disk.path, '0'), 'more');
        assert.ok((await readFile((await keptIn(root))[0] as string)).equals(bytes));
      } finally {
        disk.remove();
      }
    }));
}

test.run();
