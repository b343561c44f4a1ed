import {
  appendFile,
  link,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ContentCache, openContentCache } from '../../src/store/content-cache.ts';
import type { Blob } from '../../src/store/manifest.ts';
import { random } from './random.ts';
import { assertAbsent, sha256Of } from './store-contract.ts';
import { inTempFolder } from './temp-folder.ts';

const test = suite('content-cache');
const usual = 100_000;

interface Scene {
  folder: string;
  root: string;
  warnings: string[];
  /** Of that store; all on the same folder. */
  open(options?: { store?: string; limit?: number }): ContentCache;
  /** A file of that content in the folder. */
  file(name: string, size?: number): Promise<{ path: string; bytes: Buffer; content: Blob }>;
  /** Those that are kept, as paths, in no order. */
  kept(): Promise<string[]>;
}

function check(name: string, body: (scene: Scene) => Promise<void>): void {
  test(name, () =>
    inTempFolder(async (folder) => {
      const root = join(folder, 'cache');
      const warnings: string[] = [];
      await body({
        folder,
        root,
        warnings,
        open: ({ store = 'a store', limit = 2 ** 30 } = {}) =>
          openContentCache({ root, store, limit, warn: (message) => warnings.push(message) }),
        async file(fileName, size = usual) {
          const [path, bytes] = [join(folder, fileName), random(size, fileName)];
          await writeFile(path, bytes);
          return { path, bytes, content: { sha256: sha256Of(bytes), size } };
        },
        async kept() {
          const names = await readdir(root, { recursive: true }).catch(() => []);
          return names.filter((path) => /\/[0-9a-f]{62}$/.test(path)).map((path) => join(root, path));
        },
      });
    }),
  );
}

check('gives what it keeps to be written to, and gives the same again', async (scene) => {
  const { path, bytes, content } = await scene.file('a');
  await scene.open().keep(content, path);
  await appendFile(path, 'more');
  const [kept] = await scene.kept();
  assert.is((await stat(kept as string)).mode & 0o777, 0o444);
  for (const name of ['one', 'two']) {
    const target = join(scene.folder, name);
    assert.is(await scene.open().take(content, target), true);
    assert.ok((await readFile(target)).equals(bytes));
    assert.is((await stat(target)).mode & 0o777, 0o666 & ~process.umask());
    await appendFile(target, 'more');
  }
  assert.equal(await readdir(join(scene.root, 'tmp')), []);
  assert.equal(scene.warnings, []);
});

check('what has holes takes no more room', async (scene) => {
  const [path, size] = [join(scene.folder, 'sparse'), 40 << 20];
  await writeFile(path, 'begin');
  await truncate(path, size);
  const content = { sha256: sha256Of(await readFile(path)), size };
  const cache = scene.open();
  await cache.keep(content, path);
  const target = join(scene.folder, 'target');
  assert.is(await cache.take(content, target), true);
  for (const copy of [...(await scene.kept()), target]) {
    assert.ok((await stat(copy)).blocks * 512 < 1 << 20, copy);
  }
  assert.is(sha256Of(await readFile(target)), content.sha256);
});

check('never writes over what is at the target', async (scene) => {
  const { path, content } = await scene.file('a');
  const cache = scene.open();
  await cache.keep(content, path);
  await writeFile(join(scene.folder, 'mine'), 'mine');
  assert.is(await cache.take(content, join(scene.folder, 'mine')), false);
  assert.is(await readFile(join(scene.folder, 'mine'), 'utf8'), 'mine');
});

check('keeps bytes', async (scene) => {
  const { bytes, content } = await scene.file('a');
  const cache = scene.open();
  assert.is(await cache.read(content), null);
  await cache.keepBytes(content, bytes);
  assert.ok(bytes.equals((await cache.read(content)) as Uint8Array));
  assert.is(await cache.take(content, join(scene.folder, 'target')), true);
});

check('what is damaged is noticed, said, removed, and kept anew', async (scene) => {
  const { path, bytes, content } = await scene.file('a');
  const cache = scene.open();
  const target = join(scene.folder, 'target');
  const ways = [() => cache.take(content, target), async () => (await cache.read(content)) !== null];
  for (const way of ways) {
    await cache.keep(content, path);
    const [kept] = await scene.kept();
    await rm(kept as string);
    await writeFile(kept as string, Buffer.concat([bytes.subarray(1), Buffer.from('x')]));
    assert.is(await way(), false);
    await assertAbsent(target);
    assert.equal(await scene.kept(), []);
  }
  assert.equal(scene.warnings, Array(2).fill('a kept input was damaged, and is fetched again'));

  await cache.keep(content, path);
  await truncate((await scene.kept())[0] as string, 10);
  assert.is(await cache.take(content, target), false);
  await cache.keep(content, path);
  assert.is(await cache.take(content, target), true);
});

check('what one store had is not given for another one', async (scene) => {
  const { path, content } = await scene.file('a');
  await scene.open({ store: 'one' }).keep(content, path);
  const other = scene.open({ store: 'other' });
  assert.is(await other.take(content, join(scene.folder, 'target')), false);
  assert.is(await other.read(content), null);
});

check('does not keep what is small, or larger than it may be', async (scene) => {
  const cache = scene.open({ limit: 150_000 });
  for (const size of [0, 1, 65_535, 150_001]) {
    const { path, content } = await scene.file(`of ${size}`, size);
    await cache.keep(content, path);
    await cache.adopt(content, path);
    assert.is(await cache.take(content, join(scene.folder, 'target')), false);
  }
  assert.equal(await scene.kept(), []);
});

check('beyond its limit what was used last stays, whichever process had it', async (scene) => {
  const [a, b] = [await scene.file('a'), await scene.file('b')];
  const [c, d] = [await scene.file('c'), await scene.file('d')];
  const e = await scene.file('e');
  const long = new Date(Date.now() - 1_000_000);
  const before = scene.open({ store: 'other', limit: 4 * usual });
  for (const { path, content } of [a, b, c, d]) await before.keep(content, path);
  for (const kept of await scene.kept()) await utimes(kept, long, long);
  assert.is(await before.take(b.content, join(scene.folder, 'target')), true);
  assert.ok(await before.read(d.content));

  await scene.open({ limit: 4 * usual }).keep(e.content, e.path);
  const names = (await scene.kept()).map((path) => path.split('/').slice(-2).join('')).sort();
  assert.equal(names, [b, d, e].map(({ content }) => content.sha256).sort());
});

check('several that share a folder hardly exceed the limit together', async (scene) => {
  const [one, two] = [scene.open({ limit: 10 * usual }), scene.open({ limit: 10 * usual })];
  for (let index = 0; index < 30; index += 1) {
    const { path, content } = await scene.file(`file ${index}`);
    await (index % 2 ? one : two).keep(content, path);
    assert.ok((await scene.kept()).length <= 12);
  }
  assert.ok((await scene.kept()).length >= 5);
});

check('adopts a file as it is', async (scene) => {
  const { path, bytes, content } = await scene.file('a');
  const { ino } = await stat(path);
  const cache = scene.open();
  await cache.adopt(content, path);
  const [kept] = await scene.kept();
  assert.is((await stat(kept as string)).ino, ino);
  assert.is((await stat(kept as string)).mode & 0o777, 0o444);
  await rm(path);
  assert.is(await cache.take(content, join(scene.folder, 'target')), true);
  assert.ok((await readFile(join(scene.folder, 'target'))).equals(bytes));
});

check('adopts no file that others may write to, or that is not where it is said to be', async (scene) => {
  const cache = scene.open();
  const { path, content } = await scene.file('a');
  await link(path, join(scene.folder, 'second name'));
  await cache.adopt(content, path);
  assert.is((await stat(path)).mode & 0o222, 0o200);
  await rm(join(scene.folder, 'second name'));

  await cache.adopt({ ...content, size: usual + 1 }, path);
  await symlink('a', join(scene.folder, 'link'));
  await cache.adopt(content, join(scene.folder, 'link'));
  await mkdir(join(scene.folder, 'folder'));
  await symlink('..', join(scene.folder, 'folder', 'up'));
  if (process.platform === 'linux') await cache.adopt(content, join(scene.folder, 'folder/up/a'));
  await cache.adopt(content, join(scene.folder, 'nothing'));
  assert.equal(await scene.kept(), []);
  assert.is((await stat(path)).mode & 0o222, 0o200);
});

check('what killed processes have left goes after a while', async (scene) => {
  const temporary = join(scene.root, 'tmp');
  await mkdir(temporary, { recursive: true });
  await writeFile(join(temporary, 'old'), 'left');
  await writeFile(join(temporary, 'new'), 'being written');
  const before = new Date(Date.now() - 2 * 60 * 60_000);
  await utimes(join(temporary, 'old'), before, before);
  await scene.open().tidy();
  assert.equal(await readdir(temporary), ['new']);
});

check('where nothing can be kept, nothing fails', async (scene) => {
  const { path, bytes, content } = await scene.file('a');
  await writeFile(scene.root, 'a file in its place');
  const cache = scene.open();
  await cache.tidy();
  await cache.keep(content, path);
  await cache.keepBytes(content, bytes);
  await cache.adopt(content, path);
  assert.is(await cache.take(content, join(scene.folder, 'target')), false);
  assert.is(await cache.read(content), null);
  await assertAbsent(join(scene.folder, 'target'));
});

test.run();
