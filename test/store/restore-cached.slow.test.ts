import { appendFile, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { adoptArtifacts } from '../../src/store/adopt-artifacts.ts';
import { collectArtifacts } from '../../src/store/collect-artifacts.ts';
import { type ContentCache, openContentCache } from '../../src/store/content-cache.ts';
import type { Manifest } from '../../src/store/manifest.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Progress } from '../../src/store/progress.ts';
import { restoreArtifacts } from '../../src/store/restore-artifacts.ts';
import type { Store } from '../../src/store/store.ts';
import { random } from './random.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';
import { readTree, type Tree, writeTree } from './tree.ts';

const test = suite('restore-cached');

/** Of every kind: cut into chunks, one blob, one compressed, in a pack. */
const tree: Tree = {
  'cut.bin': random(6 << 20, 'cut').toString('latin1'),
  'blob.bin': random(150_000, 'blob').toString('latin1'),
  'run.sh': `x:${'echo the same again\n'.repeat(10_000)}`,
  'small/a': random(40_000, 'a').toString('latin1'),
  'small/b': random(40_000, 'b').toString('latin1'),
};

interface Scene {
  folder: string;
  store: Store;
  cache: ContentCache;
  manifest: Manifest;
  warnings: string[];
  /** After that nothing can come from the store. */
  loseStore(): Promise<void>;
  /** Restores into a new folder. */
  restore(): Promise<{ into: string; progress: Progress }>;
}

function check(name: string, body: (scene: Scene) => Promise<void>): void {
  test(name, () =>
    inTempFolder(async (folder) => {
      const [workspace, root] = [join(folder, 'workspace'), join(folder, 'cache')];
      await mkdir(workspace);
      await writeTree(workspace, tree);
      const store = openStore(join(folder, 'store'));
      const { manifest } = await collectArtifacts(workspace, ['.'], store);
      const warnings: string[] = [];
      const warn = (message: string) => warnings.push(message);
      const cache = openContentCache({ root, store: store.location, limit: 2 ** 30, warn });
      let times = 0;
      await body({
        folder,
        store,
        cache,
        manifest,
        warnings,
        loseStore: () => rm(join(folder, 'store'), { recursive: true }),
        async restore() {
          times += 1;
          const into = join(folder, `restored-${times}`);
          let last: Progress | undefined;
          const progress = (now: Progress) => {
            last = now;
          };
          await restoreArtifacts(manifest, store, into, { cache, progress });
          return { into, progress: last as Progress };
        },
      });
    }),
  );
}

check('what was restored once needs no store again, whatever a job does to it', async (scene) => {
  const first = await scene.restore();
  assert.equal(await readTree(first.into), tree);
  await scene.loseStore();
  for (const name of Object.keys(tree)) await appendFile(join(first.into, name), 'written to');
  const second = await scene.restore();
  assert.equal(await readTree(second.into), tree);
  assert.equal(second.progress, first.progress);
  assert.equal(
    (await readdir(second.into)).filter((name) => name.endsWith('.part')),
    [],
  );
});

check('what is damaged comes from the store', async (scene) => {
  await scene.restore();
  const root = join(scene.folder, 'cache');
  const kept = (await readdir(root, { recursive: true })).filter((path) => /\/[0-9a-f]{62}$/.test(path));
  assert.is(kept.length, 4);
  for (const path of kept) {
    const { size } = await stat(join(root, path));
    await rm(join(root, path));
    await writeFile(join(root, path), random(size, 'damage'));
  }
  assert.equal(await readTree((await scene.restore()).into), tree);
  assert.is(scene.warnings.length, 4);
  await scene.loseStore();
  assert.equal(await readTree((await scene.restore()).into), tree);
});

check('of what was collected, all but small files is there', async (scene) => {
  const workspace = join(scene.folder, 'workspace');
  await adoptArtifacts(scene.manifest, workspace, scene.cache);
  await rm(workspace, { recursive: true });
  await scene.loseStore();
  await assertFails(scene.restore, 'blob-missing', /small\/[ab]: /);
  const into = join(scene.folder, 'into');
  const filter = (path: string) => !path.startsWith('small/');
  await restoreArtifacts(scene.manifest, scene.store, into, { cache: scene.cache, filter });
  const { 'small/a': _a, 'small/b': _b, ...large } = tree;
  assert.equal(await readTree(into), large);
});

check('a list of artifacts gets nothing by a hash alone', async (scene) => {
  await scene.restore();
  const other = openStore(join(scene.folder, 'other'));
  const cache = openContentCache({
    root: join(scene.folder, 'cache'),
    store: other.location,
    limit: 2 ** 30,
    warn: () => {},
  });
  const into = join(scene.folder, 'into');
  await assertFails(
    () => restoreArtifacts(scene.manifest, other, into, { cache }),
    'blob-missing',
    /blob\.bin|small|run/,
  );
});

test.run();
