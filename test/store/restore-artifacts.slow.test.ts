import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { collectArtifacts } from '../../src/store/collect-artifacts.ts';
import type { Manifest, ManifestEntry } from '../../src/store/manifest.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Progress } from '../../src/store/progress.ts';
import { restoreArtifacts } from '../../src/store/restore-artifacts.ts';
import type { Store } from '../../src/store/store.ts';
import { random } from './random.ts';
import { assertAbsent } from './store-contract.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';
import { readTree, type Tree, writeTree } from './tree.ts';

const test = suite('restore-artifacts');

interface Scene {
  folder: string;
  into: string;
  store: Store;
  manifest: Manifest;
  /** Where in the store a blob lies. */
  blob(sha256: string): string;
}

/** A store with that tree in it, and an empty folder to restore into. */
function check(name: string, tree: Tree, body: (scene: Scene) => Promise<void>): void {
  test(name, () =>
    inTempFolder(async (folder) => {
      const [workspace, into] = [join(folder, 'workspace'), join(folder, 'into')];
      await mkdir(workspace);
      await mkdir(into);
      await writeTree(workspace, tree);
      const store = openStore(join(folder, 'store'));
      const { manifest } = await collectArtifacts(workspace, ['.'], store);
      const blob = (sha256: string) => join(folder, 'store/sha256', sha256.slice(0, 2), sha256.slice(2));
      await body({ folder, into, store, manifest, blob });
    }),
  );
}

const tree: Tree = {
  'a/b/c.txt': 'content',
  'a/run': 'x:run',
  'a/empty': '',
  'a/none': '/',
  'a/up': '->../z',
  z: '1',
};

check(
  'restores everything, also into a folder that is not there yet',
  tree,
  async ({ into, store, manifest }) => {
    const result = await restoreArtifacts(manifest, store, join(into, 'new/folder'));
    assert.equal(await readTree(join(into, 'new/folder')), tree);
    assert.equal(result, { written: 6, unchanged: 0, bytes: 13 });
  },
);

check('restored files can be written to', tree, async ({ into, store, manifest }) => {
  await restoreArtifacts(manifest, store, into);
  assert.is((await stat(join(into, 'z'))).mode & 0o777, 0o666 & ~process.umask());
  assert.is((await stat(join(into, 'a/run'))).mode & 0o777, 0o777 & ~process.umask());
});

check('leaves alone what is there and right', tree, async ({ into, store, manifest }) => {
  await restoreArtifacts(manifest, store, into);
  await rm(join(into, 'z'));
  const before = await lstat(join(into, 'a/b/c.txt'));
  const result = await restoreArtifacts(manifest, store, into);
  assert.equal(result, { written: 1, unchanged: 5, bytes: 1 });
  assert.is((await lstat(join(into, 'a/b/c.txt'))).ino, before.ino);
  assert.equal(await readTree(into), tree);
});

check(
  'mends the executable bit of a file that is right otherwise',
  tree,
  async ({ into, store, manifest }) => {
    await writeTree(into, { 'a/run': 'x:run', z: '1' });
    execFileSync('chmod', ['-x', join(into, 'a/run')]);
    execFileSync('chmod', ['+x', join(into, 'z')]);
    await restoreArtifacts(manifest, store, into);
    assert.equal(await readTree(into), tree);
  },
);

check('restores only what the filter lets through', tree, async ({ into, store, manifest }) => {
  await restoreArtifacts(manifest, store, into, { filter: (path) => path.startsWith('a/b/') });
  assert.equal(await readTree(into), { 'a/b/c.txt': 'content' });
});

check('reports progress by file', tree, async ({ into, store, manifest }) => {
  const seen: Progress[] = [];
  await writeTree(into, { z: '1' });
  await restoreArtifacts(manifest, store, into, { progress: (progress) => seen.push(progress) });
  assert.equal([...new Set(seen.map(({ files }) => files))], [0, 1, 2, 3, 4]);
  assert.equal(seen.at(-1), { files: 4, bytes: 13, totalFiles: 4, totalBytes: 13 });
});

for (const [what, there] of [
  ['size', 'longer'],
  ['content', '2'],
] as const) {
  check(
    `a file of another ${what} is replaced only when asked to`,
    tree,
    async ({ into, store, manifest }) => {
      await writeTree(into, { z: there });
      await assertFails(
        () => restoreArtifacts(manifest, store, into),
        'file-exists',
        /into\/z is there already/,
      );
      assert.equal(await readTree(into), { z: there });
      await restoreArtifacts(manifest, store, into, { overwrite: true });
      assert.equal(await readTree(into), tree);
    },
  );
}

check('a link to another place is replaced only when asked to', tree, async ({ into, store, manifest }) => {
  await writeTree(into, { 'a/up': '->elsewhere' });
  await assertFails(() => restoreArtifacts(manifest, store, into), 'file-exists', /a\/up/);
  await restoreArtifacts(manifest, store, into, { overwrite: true });
  assert.equal(await readTree(into), tree);
});

const conflicts: [string, Tree, RegExp][] = [
  ['a folder where a file belongs', { 'z/mine': '1' }, /into\/z is a folder.* a file there/],
  ['a folder where a link belongs', { 'a/up': '/' }, /a\/up is a folder.* a link there/],
  ['a file where a folder belongs', { a: 'mine' }, /into\/a is a file.* a folder there/],
  ['a file where an empty folder belongs', { 'a/none': 'mine' }, /a\/none is a file/],
  ['a link where a folder belongs', { other: '/', a: '->other' }, /into\/a is a link/],
  ['a link where an empty folder belongs', { other: '/', 'a/none': '->../other' }, /a\/none is a link/],
];
for (const [name, there, message] of conflicts) {
  check(`refuses ${name}, before anything is written`, tree, async ({ into, store, manifest }) => {
    await writeTree(into, there);
    for (const overwrite of [false, true]) {
      await assertFails(
        () => restoreArtifacts(manifest, store, into, { overwrite }),
        'path-conflict',
        message,
      );
    }
    assert.equal(await readTree(into), there);
  });
}

check(
  'refuses a FIFO where a file belongs, without waiting for it',
  tree,
  async ({ into, store, manifest }) => {
    execFileSync('mkfifo', [join(into, 'z')]);
    await assertFails(
      () => restoreArtifacts(manifest, store, into, { overwrite: true }),
      'path-conflict',
      /z is a special file/,
    );
  },
);

check('writes nothing through a link out of the target', tree, async ({ folder, into, store, manifest }) => {
  await mkdir(join(folder, 'outside'));
  await writeFile(join(folder, 'outside/file'), 'mine');
  await symlink(join(folder, 'outside'), join(into, 'a'));
  await assertFails(
    () => restoreArtifacts(manifest, store, into, { overwrite: true }),
    'path-conflict',
    /into\/a/,
  );
  await rm(join(into, 'a'));
  await symlink(join(folder, 'outside/file'), join(into, 'z'));
  await restoreArtifacts(manifest, store, into, { overwrite: true });
  assert.equal(await readTree(into), tree);
  assert.equal(await readTree(join(folder, 'outside')), { file: 'mine' });
});

check('refuses a hostile manifest whoever read it', tree, async ({ folder, into, store }) => {
  const { sha256, size } = await store.putBytes(Buffer.from('evil'));
  const evil = (path: string): ManifestEntry => ({ type: 'file', path, size, sha256, executable: true });
  const out: ManifestEntry = { type: 'link', path: 'l', target: '../outside' };
  for (const entries of [
    [evil('../evil')],
    [evil('/tmp/evil')],
    [evil('.git/hooks/x')],
    [out],
    [out, evil('l/evil')],
  ]) {
    await assertFails(
      () => restoreArtifacts({ packs: [], entries }, store, into),
      'bad-manifest',
      /not valid/,
    );
  }
  assert.equal(await readTree(into), {});
  await assertAbsent(join(folder, 'evil'));
});

check('a missing blob is named with its path, and nothing half is left', tree, async (scene) => {
  const { into, store, manifest, blob } = scene;
  const pack = packOf(manifest);
  await rm(blob(pack));
  const error = await assertFails(
    () => restoreArtifacts(manifest, store, into),
    'blob-missing',
    new RegExp(`^[a-z./]+: blob ${pack}`),
  );
  assert.ok(error.hint);
  await assertOnlyRightFiles(into);
});

check('a damaged blob is named with its path, and nothing wrong is left', tree, async (scene) => {
  const { into, store, manifest, blob } = scene;
  await writeTree(into, { 'a/b/c.txt': 'previous' });
  const damaged = blob(packOf(manifest));
  const right = await readFile(damaged);
  await rm(damaged);
  await writeFile(damaged, Buffer.from(right.toString().replace('content', 'CONTENT')));
  const restore = () => restoreArtifacts(manifest, store, into, { overwrite: true });
  await assertFails(restore, 'blob-damaged', /^[a-z./]+: blob .* damaged/);
  assert.is(await readFile(join(into, 'a/b/c.txt'), 'utf8'), 'previous');
  assert.is(await store.has(packOf(manifest), right.length), false, 'it was moved aside');
  await store.putBytes(right);
  await restore();
  assert.equal(await readTree(into), tree);
});

check("a size that is not the blob's is refused", tree, async ({ into, store, manifest }) => {
  const entries = manifest.entries.map((entry) => (entry.path === 'z' ? { ...entry, size: 2 } : entry));
  await assertFails(
    () => restoreArtifacts({ ...manifest, entries } as Manifest, store, into),
    'bad-manifest',
    /z' ends behind/,
  );
  await assertAbsent(join(into, 'z'));
  await assertOnlyRightFiles(into);
});

/** The one pack of the tree's small files. */
function packOf({ packs }: Manifest): string {
  assert.is(packs.length, 1);
  return packs[0]?.sha256 as string;
}

const MB = 1 << 20;

check('a file with holes takes little room: in the store, and where it is restored', {}, async (scene) => {
  const { folder, into, store } = scene;
  const size = 200 * 2 ** 20;
  const ends = [random(1000, 'begin'), random(1000, 'end')] as const;
  const file = await open(join(folder, 'workspace/sparse'), 'w');
  await file.write(ends[0], 0, 1000, 0);
  await file.write(ends[1], 0, 1000, size - 1000);
  await file.close();
  const { manifest } = await collectArtifacts(join(folder, 'workspace'), ['sparse'], store);
  let stored = 0;
  for await (const blob of store.list()) stored += blob.size;
  assert.ok(stored < 2 ** 20, `${stored} bytes in the store`);

  // What an attempt before has left there is no hole.
  const [entry] = manifest.entries;
  assert.ok(entry?.type === 'file');
  const part = join(into, `.dstack-${entry.sha256.slice(0, 16)}.part`);
  await writeFile(part, random(9 * 2 ** 20, 'left'));
  await restoreArtifacts(manifest, store, into);
  const restored = await readFile(join(into, 'sparse'));
  assert.is(createHash('sha256').update(restored).digest('hex'), entry.sha256);
  const { blocks } = await stat(join(into, 'sparse'));
  assert.ok(blocks * 512 < 20 * 2 ** 20, `${blocks} blocks where it was restored`);
});

check('a file of many chunks goes on where it was cut off, and asks only for the rest', {}, async (scene) => {
  const { folder, into, store, blob } = scene;
  const weights = random(12 * MB, 'weights');
  await writeFile(join(folder, 'workspace/weights'), weights);
  const { manifest } = await collectArtifacts(join(folder, 'workspace'), ['weights'], store);
  const [entry] = manifest.entries;
  const chunks = entry?.type === 'file' ? (entry.chunks ?? []) : [];
  assert.ok(chunks.length > 4, `${chunks.length} chunks`);
  const lost = chunks[chunks.length - 2]?.sha256 as string;
  await rename(blob(lost), join(folder, 'lost'));
  await assertFails(() => restoreArtifacts(manifest, store, into), 'blob-missing', /^weights: blob/);
  await assertAbsent(join(into, 'weights'));
  await rename(join(folder, 'lost'), blob(lost));

  const asked: string[] = [];
  const listening: Store = {
    ...store,
    read(sha256, range) {
      asked.push(sha256);
      return store.read(sha256, range);
    },
  };
  await restoreArtifacts(manifest, listening, into);
  assert.ok((await readFile(join(into, 'weights'))).equals(weights));
  assert.equal(asked.slice(0, 1), [lost], 'what was there is not read again');
  assert.equal(await readdir(into), ['weights'], 'nothing is left beside it');
});

check(
  'chunks that are right, but together another file, are refused',
  {},
  async ({ folder, into, store }) => {
    await writeFile(join(folder, 'workspace/weights'), random(6 * MB, 'weights'));
    const { manifest } = await collectArtifacts(join(folder, 'workspace'), ['weights'], store);
    const entries = manifest.entries.map((entry) =>
      entry.type === 'file' ? { ...entry, chunks: entry.chunks?.toReversed() ?? [] } : entry,
    );
    const lying = { ...manifest, entries };
    await assertFails(
      () => restoreArtifacts(lying, store, into),
      'bad-manifest',
      /weights has another content/,
    );
    await assertAbsent(join(into, 'weights'));
  },
);

check(
  'what is said to be small but is not when it comes out of its compression is refused',
  {},
  async (scene) => {
    const { into, store } = scene;
    const bomb = brotliCompressSync(Buffer.alloc(MB));
    const { sha256, size } = await store.putBytes(bomb);
    const entry: ManifestEntry = {
      type: 'file',
      path: 'bomb',
      size: 10,
      sha256,
      executable: false,
      chunks: [{ sha256, size: 10, brotli: size }],
    };
    await assertFails(
      () => restoreArtifacts({ packs: [], entries: [entry] }, store, into),
      'bad-manifest',
      /is not 10 bytes compressed/,
    );
  },
);

async function assertOnlyRightFiles(into: string): Promise<void> {
  const there = await readTree(into);
  for (const [path, what] of Object.entries(there)) if (what !== '/') assert.is(what, tree[path], path);
  const names = await readdir(into, { recursive: true });
  assert.is(
    names.some((name) => name.includes('.part')),
    false,
  );
}

test.run();
