import { lstat, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { collectArtifacts } from '../../src/store/collect-artifacts.ts';
import type { Manifest, ManifestEntry } from '../../src/store/manifest.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Progress } from '../../src/store/progress.ts';
import { restoreArtifacts } from '../../src/store/restore-artifacts.ts';
import type { Store } from '../../src/store/store.ts';
import { assertAbsent, sha256Of } from './store-contract.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';
import { readTree, type Tree, writeTree } from './tree.ts';

const test = suite('restore-artifacts');

interface Scene {
  folder: string;
  into: string;
  store: Store;
  manifest: Manifest;
  blob(text: string): string;
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
      const blob = (text: string) => {
        const sha256 = sha256Of(Buffer.from(text));
        return join(folder, 'store/sha256', sha256.slice(0, 2), sha256.slice(2));
      };
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
    await execa('chmod', ['-x', join(into, 'a/run')]);
    await execa('chmod', ['+x', join(into, 'z')]);
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
  assert.equal(
    seen.map(({ files }) => files),
    [0, 1, 2, 3, 4],
  );
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
    await execa('mkfifo', [join(into, 'z')]);
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
      () => restoreArtifacts({ format: 1, entries }, store, into),
      'bad-manifest',
      /not valid/,
    );
  }
  assert.equal(await readTree(into), {});
  await assertAbsent(join(folder, 'evil'));
});

check('a missing blob is named with its path, and nothing half is left', tree, async (scene) => {
  const { into, store, manifest, blob } = scene;
  await rm(blob('content'));
  const error = await assertFails(
    () => restoreArtifacts(manifest, store, into),
    'blob-missing',
    new RegExp(`^a/b/c.txt: Blob ${sha256Of(Buffer.from('content'))}`),
  );
  assert.ok(error.hint);
  await assertOnlyRightFiles(into);
});

check('a damaged blob is named with its path, and nothing wrong is left', tree, async (scene) => {
  const { into, store, manifest, blob } = scene;
  await writeTree(into, { 'a/b/c.txt': 'previous' });
  await rm(blob('content'));
  await writeFile(blob('content'), 'CONTENT');
  const restore = () => restoreArtifacts(manifest, store, into, { overwrite: true });
  await assertFails(restore, 'blob-damaged', /^a\/b\/c.txt: Blob .* damaged/);
  assert.is(await readFile(join(into, 'a/b/c.txt'), 'utf8'), 'previous');
  await store.putBytes(Buffer.from('content'));
  await restore();
  assert.equal(await readTree(into), tree);
});

check('a size that is not the blob’s is refused', tree, async ({ into, store, manifest }) => {
  const entries = manifest.entries.map((entry) => (entry.path === 'z' ? { ...entry, size: 2 } : entry));
  await assertFails(
    () => restoreArtifacts({ format: 1, entries } as Manifest, store, into),
    'bad-manifest',
    /z has 1 bytes.* says 2/,
  );
  await assertAbsent(join(into, 'z'));
  await assertOnlyRightFiles(into);
});

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
