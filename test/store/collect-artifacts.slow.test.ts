import { renameSync, symlinkSync } from 'node:fs';
import { appendFile, chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { collectArtifacts } from '../../src/store/collect-artifacts.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Progress } from '../../src/store/progress.ts';
import type { Store } from '../../src/store/store.ts';
import { verifyBlobs } from '../../src/store/verify-blobs.ts';
import { sha256Of } from './store-contract.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';
import { type Tree, writeTree } from './tree.ts';

const test = suite('collect-artifacts');

interface Scene {
  folder: string;
  workspace: string;
  store: Store;
}

function check(name: string, tree: Tree, body: (scene: Scene) => Promise<void>): void {
  test(name, () =>
    inTempFolder(async (folder) => {
      const workspace = join(folder, 'workspace');
      await mkdir(workspace);
      await writeTree(workspace, tree);
      await body({ folder, workspace, store: openStore(join(folder, 'store')) });
    }),
  );
}

check(
  'lists files, links, empty folders, executable bits, and stores the files',
  {
    'out/a.txt': 'abc',
    'out/run': 'x:run',
    'out/empty': '',
    'out/sub/none': '/',
    'out/l': '->sub',
    other: 'no',
  },
  async ({ workspace, store }) => {
    const { manifest, missing, totals } = await collectArtifacts(workspace, ['out'], store);
    const file = (path: string, text: string, executable = false) => ({
      type: 'file' as const,
      path,
      size: text.length,
      sha256: sha256Of(Buffer.from(text)),
      executable,
    });
    assert.equal(manifest, {
      format: 1,
      entries: [
        file('out/a.txt', 'abc'),
        file('out/empty', ''),
        { type: 'link', path: 'out/l', target: 'sub' },
        file('out/run', 'x:run', true),
        { type: 'folder', path: 'out/sub/none' },
      ],
    });
    assert.equal(missing, []);
    assert.equal(totals, { files: 3, bytes: 8 });
    assert.equal(await verifyBlobs(manifest, store), []);
  },
);

check(
  'merges overlapping paths, reports missing ones, takes single files and links',
  { 'a/b/c': '1', 'a/d': '2', e: '3', l: '->e' },
  async ({ workspace, store }) => {
    const paths = ['a/b', './a//', 'a/b/c', 'e', 'l', 'gone', 'e/below-a-file', 'a/gone/x'];
    const { manifest, missing } = await collectArtifacts(workspace, paths, store);
    assert.equal(
      manifest.entries.map((entry) => entry.path),
      ['a/b/c', 'a/d', 'e', 'l'],
    );
    assert.equal(missing, ['gone', 'e/below-a-file', 'a/gone/x']);
  },
);

check('takes the whole workspace, an empty one too', { 'a/b': '1' }, async ({ workspace, store }) => {
  assert.is((await collectArtifacts(workspace, ['.'], store)).manifest.entries.length, 1);
  await rm(join(workspace, 'a'), { recursive: true });
  assert.equal((await collectArtifacts(workspace, ['.'], store)).manifest.entries, []);
});

check(
  'keeps odd names as they are',
  { 'o/new\nline': '1', 'o/\x1b[2J': '2', 'o/\ufeffbom': '3' },
  async (scene) => {
    const { manifest } = await collectArtifacts(scene.workspace, ['o'], scene.store);
    assert.equal(
      manifest.entries.map((entry) => entry.path),
      ['o/\x1b[2J', 'o/new\nline', 'o/\ufeffbom'],
    );
  },
);

check('reports progress by file', { a: '1', b: '22', c: '333' }, async ({ workspace, store }) => {
  const seen: Progress[] = [];
  await collectArtifacts(workspace, ['.'], store, (progress) => seen.push(progress));
  assert.equal(
    seen.map(({ files }) => files),
    [0, 1, 2, 3],
  );
  assert.equal(seen.at(-1), { files: 3, bytes: 6, totalFiles: 3, totalBytes: 6 });
});

const refused: [string, Tree, string, string, RegExp][] = [
  ['an absolute path', {}, '/etc', 'bad-artifact-path', /\/etc.* absolute/],
  ['a path that goes up', {}, 'a/../../etc', 'bad-artifact-path', /`\.\.`/],
  ['.git', { '.git/config': 'x' }, '.git', 'bad-artifact-path', /\.git/],
  ['.git further down', { 'out/dep/.git/config': 'x' }, 'out', 'bad-artifact-path', /out\/dep\/\.git/],
  ['a link to an absolute path', { 'o/l': '->/etc/passwd' }, 'o', 'bad-link', /\/etc\/passwd.* o\/l /],
  ['a link out', { 'o/l': '->../../x' }, 'o', 'bad-link', /\.\.\/\.\.\/x.* o\/l /],
  ['a path behind a link', { 'o/f': 'x', l: '->o' }, 'l/f', 'artifact-behind-link', /l\/f .* link l$/],
];
for (const [name, tree, path, code, message] of refused) {
  check(`refuses ${name}`, tree, async ({ workspace, store }) => {
    const error = await assertFails(() => collectArtifacts(workspace, [path], store), code, message);
    assert.ok(error.hint);
  });
}

check(
  'a link to a folder outside is not followed by a path through it',
  {},
  async ({ folder, workspace, store }) => {
    await writeTree(folder, { 'secret/key': 'k' });
    await symlink(join(folder, 'secret'), join(workspace, 'out'));
    await assertFails(() => collectArtifacts(workspace, ['out/key'], store), 'artifact-behind-link', /out/);
    await assertFails(() => collectArtifacts(workspace, ['out'], store), 'bad-link', /secret/);
  },
);

check('a folder exchanged for a link after the walk leaks nothing', { 'out/key': 'mine!' }, async (scene) => {
  const { folder, workspace, store } = scene;
  await writeTree(folder, { 'secret/key': 'k1234' });
  // The first report comes between the walk and the first file.
  const exchange = ({ files }: Progress) => {
    if (files > 0) return;
    renameSync(join(workspace, 'out'), join(folder, 'moved'));
    symlinkSync(join(folder, 'secret'), join(workspace, 'out'));
  };
  await assertFails(() => collectArtifacts(workspace, ['out'], store, exchange), 'file-changed', /out\/key/);
  assert.is(await store.has(sha256Of(Buffer.from('k1234')), 5), false);
});

check('names special files, and does not wait for a FIFO', { 'o/f': 'x' }, async ({ workspace, store }) => {
  await execa('mkfifo', [join(workspace, 'o/pipe')]);
  await assertFails(
    () => collectArtifacts(workspace, ['o'], store),
    'special-file',
    /o\/pipe is a named pipe/,
  );
  await rm(join(workspace, 'o/pipe'));
  const server = createServer().listen(join(workspace, 'o/sock'));
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    await assertFails(() => collectArtifacts(workspace, ['o'], store), 'special-file', /o\/sock is a socket/);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

check('names a name that is not UTF-8', { 'o/f': 'x' }, async ({ workspace, store }) => {
  await writeFile(Buffer.concat([Buffer.from(`${workspace}/o/caf`), Buffer.of(0xe9)]), 'x');
  await assertFails(
    () => collectArtifacts(workspace, ['o'], store),
    'bad-name',
    /'caf\u00e9' in 'o' is not valid UTF-8/,
  );
});

check('nothing is uploaded before everything is fit', { 'o/f': 'x', 'o/l': '->/etc' }, async (scene) => {
  await assertFails(() => collectArtifacts(scene.workspace, ['o'], scene.store), 'bad-link', /o\/l/);
  assert.is(await scene.store.has(sha256Of(Buffer.from('x')), 1), false);
});

check('a file that changes once is read again', { log: 'one\n' }, async ({ workspace, store }) => {
  const changing = changeBeforePut(store, join(workspace, 'log'), 1);
  const { manifest } = await collectArtifacts(workspace, ['log'], changing);
  const [entry] = manifest.entries;
  assert.ok(
    entry?.type === 'file' && entry.sha256 === sha256Of(Buffer.from('one\nmore\n')) && entry.size === 9,
  );
  assert.equal(await verifyBlobs(manifest, store), []);
});

check('a file that keeps changing is an error', { log: 'one\n' }, async ({ workspace, store }) => {
  const changing = changeBeforePut(store, join(workspace, 'log'), 2);
  await assertFails(() => collectArtifacts(workspace, ['log'], changing), 'file-changed', /log/);
});

/** A job that is still writing: appends to the file after it was hashed and before it is copied. */
function changeBeforePut(store: Store, path: string, times: number): Store {
  let left = times;
  return {
    ...store,
    async putFile(...args) {
      if (left-- > 0) await appendFile(path, 'more\n');
      await store.putFile(...args);
    },
  };
}

check(
  'an unreadable file is an error that names it',
  { 'o/f': 'x' },
  async ({ folder, workspace, store }) => {
    const isRoot = process.getuid?.() === 0;
    await chmod(folder, 0o777);
    await chmod(join(workspace, 'o/f'), 0);
    if (isRoot) process.seteuid?.(65534);
    try {
      await assertFails(() => collectArtifacts(workspace, ['o'], store), 'file-denied', /o\/f/);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  },
);

check('verifyBlobs finds what is not there', { a: '1', b: '2' }, async ({ folder, workspace, store }) => {
  const { manifest } = await collectArtifacts(workspace, ['a', 'b'], store);
  const sha256 = sha256Of(Buffer.from('2'));
  await rm(join(folder, 'store/sha256', sha256.slice(0, 2), sha256.slice(2)));
  assert.equal(
    (await verifyBlobs(manifest, store)).map(({ path }) => path),
    ['b'],
  );
});

test.run();
