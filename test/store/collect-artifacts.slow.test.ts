import { execFileSync } from 'node:child_process';
import { type BigIntStats, renameSync, rmSync, symlinkSync } from 'node:fs';
import { appendFile, chmod, lstat, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { collectArtifacts } from '../../src/store/collect-artifacts.ts';
import { type KnownFiles, openKnownFiles } from '../../src/store/known-files.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Progress } from '../../src/store/progress.ts';
import { restoreArtifacts } from '../../src/store/restore-artifacts.ts';
import type { Store } from '../../src/store/store.ts';
import { verifyBlobs } from '../../src/store/verify-blobs.ts';
import { random } from './random.ts';
import { sha256Of } from './store-contract.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';
import { readTree, type Tree, writeTree } from './tree.ts';

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
    const at = (offset: number) => ({ pack: { index: 0, offset } });
    assert.equal(manifest, {
      packs: [{ sha256: sha256Of(Buffer.from('abcx:run')), size: 8 }],
      entries: [
        { ...file('out/a.txt', 'abc'), ...at(0) },
        { ...file('out/empty', ''), ...at(3) },
        { type: 'link', path: 'out/l', target: 'sub' },
        { ...file('out/run', 'x:run', true), ...at(3) },
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
  await collectArtifacts(workspace, ['.'], store, { progress: (progress) => seen.push(progress) });
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
  await assertFails(
    () => collectArtifacts(workspace, ['out'], store, { progress: exchange }),
    'file-changed',
    /out\/key/,
  );
  assert.is(await store.has(sha256Of(Buffer.from('k1234')), 5), false);
});

check(
  'leaves special files out, and does not wait for a FIFO',
  { 'o/f': 'x' },
  async ({ workspace, store }) => {
    execFileSync('mkfifo', [join(workspace, 'o/pipe'), join(workspace, 'alone')]);
    const server = createServer().listen(join(workspace, 'o/sock'));
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const { manifest, skipped, missing } = await collectArtifacts(workspace, ['o', 'alone'], store);
      assert.equal(
        manifest.entries.map(({ path }) => path),
        ['o/f'],
      );
      assert.equal(skipped, ['alone is a named pipe', 'o/pipe is a named pipe', 'o/sock is a socket']);
      assert.equal(missing, []);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  },
);

check(
  'links that lead in a circle are listed as they are',
  { 'o/a': '->b', 'o/b': '->a', 'o/self': '->self', 'o/d/up': '->..', 'o/f': 'x' },
  async ({ workspace, store }) => {
    const { manifest } = await collectArtifacts(workspace, ['o'], store);
    const paths = manifest.entries.map(({ type, path }) => `${type} ${path}`);
    assert.equal(paths, ['link o/a', 'link o/b', 'link o/d/up', 'file o/f', 'link o/self']);
    await assertFails(
      () => collectArtifacts(workspace, ['o/a/x'], store),
      'artifact-behind-link',
      /the link o\/a/,
    );
    const into = join(workspace, 'copy');
    await restoreArtifacts(manifest, store, into);
    assert.equal(await readTree(into), {
      'o/a': '->b',
      'o/b': '->a',
      'o/self': '->self',
      'o/d/up': '->..',
      'o/f': 'x',
    });
  },
);

for (const [what, size] of [
  ['small', 10],
  ['large', 6 * 2 ** 20],
] as const) {
  check(`a ${what} file that turns into a pipe after the walk is told, not waited for`, {}, async (scene) => {
    const { workspace, store } = scene;
    const file = join(workspace, 'file');
    for (const make of [() => execFileSync('mkfifo', [file]), () => symlinkSync('/etc/passwd', file)]) {
      await rm(file, { force: true });
      await writeFile(file, random(size, 'file'));
      const exchange = () => {
        rmSync(file);
        make();
      };
      // The first report comes between the walk and the first file.
      let told = 0;
      const progress = () => told++ === 0 && exchange();
      await assertFails(
        () => collectArtifacts(workspace, ['file'], store, { progress }),
        'file-changed',
        /^the artifact file became a link, a pipe or a socket/,
      );
    }
  });
}

check('a socket that is named itself is left out', { f: 'x' }, async ({ workspace, store }) => {
  const server = createServer().listen(join(workspace, 'sock'));
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    const { manifest, skipped, missing } = await collectArtifacts(workspace, ['sock', 'f'], store);
    assert.equal(
      manifest.entries.map(({ path }) => path),
      ['f'],
    );
    assert.equal([skipped, missing], [['sock is a socket'], []]);
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

const MB = 1 << 20;

check('a file that changes once is read again', {}, async ({ workspace, store }) => {
  await writeFile(join(workspace, 'log'), random(6 * MB, 'log'));
  const changing = changeBeforePut(store, join(workspace, 'log'), 1);
  const { manifest } = await collectArtifacts(workspace, ['log'], changing);
  const [entry] = manifest.entries;
  const now = await readFile(join(workspace, 'log'));
  assert.ok(entry?.type === 'file' && entry.sha256 === sha256Of(now) && entry.size === 6 * MB + 5);
  assert.equal(await verifyBlobs(manifest, store), []);
});

check('a file that keeps changing is an error, and one that goes away', {}, async ({ workspace, store }) => {
  await writeFile(join(workspace, 'log'), random(6 * MB, 'log'));
  const changing = changeBeforePut(store, join(workspace, 'log'), 100);
  await assertFails(() => collectArtifacts(workspace, ['log'], changing), 'file-changed', /log changes/);
  await writeTree(workspace, { 'o/a': '1' });
  const vanish = () => rmSync(join(workspace, 'o/a'), { force: true });
  const collecting = () => collectArtifacts(workspace, ['o'], store, { progress: vanish });
  await assertFails(collecting, 'file-changed', /o\/a disappeared/);
});

/** A job that is still writing: appends to the file after some of it was read and before that is put in. */
function changeBeforePut(store: Store, path: string, times: number): Store {
  let left = times;
  return {
    ...store,
    async putBytes(bytes) {
      if (left-- > 0) await appendFile(path, 'more\n');
      return store.putBytes(bytes);
    },
  };
}

/** Blobs that a store was asked to put in, and files that were read are not asked about. */
function counting(store: Store): { store: Store; puts: number[] } {
  const puts: number[] = [];
  const putBytes = async (bytes: Uint8Array) => {
    const { sha256 } = { sha256: sha256Of(Buffer.from(bytes)) };
    if (!(await store.has(sha256, bytes.length))) puts.push(bytes.length);
    return store.putBytes(bytes);
  };
  return { store: { ...store, putBytes }, puts };
}
const sum = (sizes: number[]) => sizes.reduce((all, size) => all + size, 0);

check(
  'of a large file of which a part has changed, that part is stored',
  {},
  async ({ workspace, store }) => {
    const weights = random(64 * MB, 'weights');
    await writeFile(join(workspace, 'weights'), weights);
    const first = counting(store);
    await collectArtifacts(workspace, ['weights'], first.store);
    assert.is(sum(first.puts), weights.length);

    // 2 % in the middle, and a byte more at the beginning, which moves everything.
    random(weights.length / 50, 'other').copy(weights, 30 * MB);
    await writeFile(join(workspace, 'weights'), Buffer.concat([Buffer.of(1), weights]));
    const second = counting(store);
    const { manifest } = await collectArtifacts(workspace, ['weights'], second.store);
    const [entry] = manifest.entries;
    assert.ok(sum(second.puts) < weights.length / 6, `${sum(second.puts)} bytes`);
    assert.ok(entry?.type === 'file' && (entry.chunks?.every(({ size }) => size <= 4 * MB) ?? false));
  },
);

check('small files share blobs; one that changes costs the blob that it is in', {}, async (scene) => {
  const { workspace, store } = scene;
  const text = (index: number) => random(8000, String(index));
  await mkdir(join(workspace, 'o'));
  for (let index = 0; index < 1000; index += 1) await writeFile(join(workspace, `o/${index}`), text(index));
  const first = counting(store);
  const { manifest } = await collectArtifacts(workspace, ['o'], first.store);
  assert.ok(first.puts.length > 3 && first.puts.length < 20, `${first.puts.length} blobs`);
  assert.is(manifest.packs.length, first.puts.length);

  await writeFile(join(workspace, 'o/500'), 'changed');
  await writeFile(join(workspace, 'o/1000'), 'new');
  const second = counting(store);
  const again = await collectArtifacts(workspace, ['o'], second.store);
  assert.ok(second.puts.length <= 4, `${second.puts.length} blobs`);
  assert.equal(await verifyBlobs(again.manifest, store), []);
});

check(
  'what compresses is stored compressed; what does not, is not',
  {},
  async ({ folder, workspace, store }) => {
    const csv = Array.from(
      { length: 20_000 },
      (_, row) => `${row},${Math.sin(row).toFixed(6)},label${row % 7}`,
    );
    await writeFile(join(workspace, 'table.csv'), csv.join('\n'));
    await writeFile(join(workspace, 'noise'), random(600_000, 'noise'));
    const { manifest } = await collectArtifacts(workspace, ['.'], store);
    const [noise, table] = manifest.entries;
    assert.ok(noise?.type === 'file' && noise.chunks === undefined, 'a blob of its own name');
    const [piece] = (table?.type === 'file' && table.chunks) || [];
    assert.ok(piece?.brotli !== undefined && piece.brotli < piece.size / 2, JSON.stringify(piece));
    const into = join(folder, 'into');
    await restoreArtifacts(manifest, store, into);
    assert.is(await readFile(join(into, 'table.csv'), 'utf8'), csv.join('\n'));
  },
);

check('what is known is not read again, unless it changed, or the store has lost it', {}, async (scene) => {
  const { folder, workspace, store } = scene;
  await writeTree(workspace, { 'o/a': '1', 'o/b': '2' });
  await writeFile(join(workspace, 'o/large'), random(6 * MB, 'large'));
  await writeFile(join(workspace, 'o/middle'), random(100_000, 'middle'));
  // As a clock a minute later sees it: a file that has just been written may change within the grain of its times.
  const known = openKnownFiles(undefined, () => Date.now() + 60_000);
  const collect = async () => (await collectArtifacts(workspace, ['o'], store, { known })).manifest;
  const first = await collect();
  const isRoot = process.getuid?.() === 0;
  await chmod(folder, 0o777);
  assert.equal(await collect(), first);
  // Reading any of them would fail now.
  const unreadable: KnownFiles = {
    ...known,
    find: (path, stats) => known.find(path, { ...stats, ctimeNs: times.get(path) ?? 0n } as BigIntStats),
  };
  const times = new Map<string, bigint>();
  for (const name of ['o/a', 'o/b', 'o/large', 'o/middle']) {
    times.set(name, (await lstat(join(workspace, name), { bigint: true })).ctimeNs);
    await chmod(join(workspace, name), 0o000);
  }
  if (isRoot) process.seteuid?.(65534);
  try {
    const again = await collectArtifacts(workspace, ['o'], store, { known: unreadable });
    assert.equal(again.manifest, first);
    await assertFails(() => collectArtifacts(workspace, ['o'], store), 'file-denied', /o\//);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
  for (const name of times.keys()) await chmod(join(workspace, name), 0o644);

  await rm(join(folder, 'store'), { recursive: true });
  const anew = await collect();
  assert.equal(anew, first);
  assert.equal(await verifyBlobs(anew, store), []);
  await writeFile(join(workspace, 'o/a'), '3');
  assert.not.equal(await collect(), first);
});

test('what was written a moment ago is not taken for known', async () => {
  await inTempFolder(async (folder) => {
    await writeFile(join(folder, 'f'), '1');
    const stats = await lstat(join(folder, 'f'), { bigint: true });
    const known = openKnownFiles();
    known.keep('f', stats, { sha256: 'a' });
    assert.is(known.find('f', stats), undefined);
  });
});

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
  await writeFile(join(workspace, 'c'), random(100_000, 'c'));
  const { manifest } = await collectArtifacts(workspace, ['a', 'b', 'c'], store);
  const lacking = async () => (await verifyBlobs(manifest, store)).map(({ path }) => path);
  assert.equal(await lacking(), []);
  for (const [sha256, paths] of [
    [sha256Of(Buffer.from('12')), ['a', 'b']],
    [sha256Of(random(100_000, 'c')), ['a', 'b', 'c']],
  ] as const) {
    await rm(join(folder, 'store/sha256', sha256.slice(0, 2), sha256.slice(2)));
    assert.equal(await lacking(), paths);
  }
});

test.run();
