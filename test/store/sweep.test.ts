import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/open-store.ts';
import { emptyRetired, retireUnused } from '../../src/store/sweep.ts';
import { type Mistakes, simulateSweeps } from './sweep-simulation.ts';
import { inTempFolder } from './temp-folder.ts';

const seeds = 300;

test('whatever comes together, and whoever is killed, what is needed stays, and the rest goes', async () => {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const wrong = await simulateSweeps(seed);
    assert.is(wrong, null, `seed ${seed}: ${wrong}`);
  }
});

const mistakes: Mistakes[] = [
  { waitsForNobody: true },
  { looksOnce: true },
  { retiredIsThere: true },
  { seesNoMove: true },
];
for (const mistake of mistakes) {
  test(`the simulation finds ${Object.keys(mistake)}`, async () => {
    for (let seed = 1; seed <= seeds; seed += 1) if ((await simulateSweeps(seed, mistake)) !== null) return;
    assert.unreachable('it was not found');
  });
}

test('a call that is refused says nothing of whom the next one has to wait for', () =>
  inTempFolder(async (folder) => {
    const store = openStore(join(folder, 'store'));
    const { sha256 } = await store.putBytes(Buffer.from('relied upon'));
    await retireUnused(store, new Set(), new Date(Date.now() + 60_000), 'one');
    const refuses = async () => {
      throw new Error('another repository uses the store');
    };
    await emptyRetired(store, 'one', async () => new Set(), refuses).then(
      () => assert.unreachable('it was not refused'),
      () => {},
    );
    // The next call knows of an upload there that has found the blob in its place.
    const theirs = async () => new Set(['run-1/train 1 instance']);
    const { freed, waiting } = await emptyRetired(store, 'two', theirs, async () => new Set());
    assert.equal([freed.blobs, waiting.blobs, waiting.for], [0, 1, ['run-1/train 1 instance']]);
    await store.retired.restore({ sha256, size: 11, batch: 'one' });
    assert.ok(await store.has(sha256, 11));
  }));

test('what was in its place again, and was set aside meanwhile, comes back if it is needed', () =>
  inTempFolder(async (folder) => {
    const store = openStore(folder);
    const { sha256, size } = await store.putBytes(Buffer.from('x'));
    await store.retired.add(sha256, 'left');
    await store.putBytes(Buffer.from('x'));
    await emptyRetired(
      store,
      'now',
      async () => new Set(),
      async () => {
        await store.remove(sha256);
        return new Set([sha256]);
      },
    );
    assert.is(await store.has(sha256, size), true);
  }));

test.run();
