import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheAsSource, placesInFiles } from '../../src/store/cache-source.ts';
import { checkBlobs } from '../../src/store/check-blobs.ts';
import { collectArtifacts } from '../../src/store/collect-artifacts.ts';
import { openContentCache } from '../../src/store/content-cache.ts';
import { blobsOf } from '../../src/store/manifest.ts';
import { openStore } from '../../src/store/open-store.ts';
import { repairBlobs } from '../../src/store/repair-blobs.ts';
import { inTempFolder } from './temp-folder.ts';

test('blobs are put back out of files that were kept whole; what was not kept stays lost', () =>
  inTempFolder(async (folder) => {
    const [workspace, passing] = [join(folder, 'workspace'), join(folder, 'passing')];
    for (const path of [workspace, passing]) await mkdir(path);
    await writeFile(join(workspace, 'weights'), randomBytes(9_000_000));
    await writeFile(join(workspace, 'text'), 'one line after the other\n'.repeat(400_000));
    await writeFile(join(workspace, 'middling'), randomBytes(500_000));
    await writeFile(join(workspace, 'small'), 'small');
    const store = openStore(join(folder, 'store'));
    const { manifest } = await collectArtifacts(workspace, ['weights', 'text', 'middling', 'small'], store);
    const root = join(folder, 'cache');
    const cache = openContentCache({ root, store: store.location, limit: 1e9, warn: () => {} });
    for (const entry of manifest.entries)
      if (entry.type === 'file') await cache.keep(entry, join(workspace, entry.path));

    const lost = blobsOf(manifest);
    assert.ok(lost.length > 8);
    for (const { sha256 } of lost) await store.remove(sha256);
    const places = new Map(placesInFiles(manifest));
    const source = cacheAsSource('cache', cache, places, passing);
    const repaired = await repairBlobs(lost, store, [source], passing);
    assert.is(repaired.from.size, lost.length - 1);
    const left = await checkBlobs(manifest, store);
    assert.equal(
      left.map(({ file, problem }) => [file.path, problem]),
      [['small', 'missing']],
    );
  }));

test('a piece that is larger than any can be is not read', async () => {
  const sha256 = '0'.repeat(64);
  const piece = { sha256, size: (64 << 20) + 1 };
  const taken: number[] = [];
  const cache = {
    take: async ({ size }: { size: number }) => {
      taken.push(size);
      return false;
    },
  };
  const places = new Map([[sha256, { file: { sha256: '1'.repeat(64), size: 1e10 }, offset: 0, piece }]]);
  const source = cacheAsSource('cache', cache, places, 'nowhere');
  assert.is(await source.fetch(piece, 'nowhere/piece'), false);
  assert.equal(taken, [piece.size]);
});

test.run();
