import { randomUUID } from 'node:crypto';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/open-store.ts';
import type { Bucket } from '../../src/store/s3/bucket.ts';
import { bucketNotes } from '../../src/store/s3/bucket-notes.ts';
import { retireUnused } from '../../src/store/sweep.ts';
import { inTempFolder } from './temp-folder.ts';

const old = new Date(Date.now() - 3 * 24 * 3_600_000);
const before = new Date(Date.now() - 24 * 3_600_000);

test('a sweep removes what was begun long ago and never became a blob, and nothing else beside it', () =>
  inTempFolder(async (folder) => {
    const tmp = join(folder, 'tmp');
    await mkdir(tmp);
    const fresh = `${randomUUID()}.part`;
    for (const name of [`${randomUUID()}.part`, 'mine.part']) {
      await writeFile(join(tmp, name), '');
      await utimes(join(tmp, name), old, old);
    }
    await writeFile(join(tmp, fresh), '');
    await retireUnused(openStore(folder), new Set(), before, 'now');
    assert.equal((await readdir(tmp)).sort(), ['mine.part', fresh].sort());
  }));

test('in a bucket, what asking for its time has left goes, but no note', async () => {
  const removed: string[] = [];
  const times = { 'clock-old': old, 'clock-new': new Date(), 'user-old': old };
  const bucket = {
    list: async (prefix: string) => ({
      Contents: Object.entries(times)
        .map(([name, LastModified]) => ({ Key: `p/notes/${name}`, Size: 0, LastModified }))
        .filter(({ Key }) => Key.startsWith(prefix)),
    }),
    remove: async (key: string) => removed.push(key),
    uploads: async () => ({}),
  };
  await bucketNotes(bucket as unknown as Bucket, 'p/', (work) => work()).removeRemains(before);
  assert.equal(removed, ['p/notes/clock-old']);
});

test.run();
