import { lstat, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openKeptFiles } from '../../src/store/kept-known-files.ts';
import { inTempFolder } from './temp-folder.ts';

const test = suite('kept-known-files');
const content = { sha256: 'a'.repeat(64), chunks: [{ sha256: 'b'.repeat(64), size: 3, brotli: 2 }] };

test('what is known outlives a process, what is asked for no more does not', async () => {
  await inTempFolder(async (folder) => {
    const file = join(folder, 'known/files.json');
    await writeFile(join(folder, 'old'), 'abc');
    const stats = await lstat(join(folder, 'old'), { bigint: true });
    // As if it had been written long ago.
    const old = { ...stats, ctimeNs: stats.ctimeNs - 60_000_000_000n } as typeof stats;
    const first = await openKeptFiles(file);
    first.keep('old', old, content);
    first.keep('gone', old, content);
    first.keepPack('some', { sha256: 'c'.repeat(64), size: 9 });
    await first.save();

    const second = await openKeptFiles(file);
    assert.equal(second.find('old', old), content);
    assert.is(second.find('old', stats), undefined, 'it has changed');
    assert.equal(second.findPack('some'), { sha256: 'c'.repeat(64), size: 9 });
    await second.save();
    const third = await openKeptFiles(file);
    assert.equal(third.find('old', old), content);
    assert.is(third.find('gone', old), undefined);
    assert.equal(await readdir(join(folder, 'known')), ['files.json']);
  });
});

test('what is damaged, or of another version, is begun anew', async () => {
  await inTempFolder(async (folder) => {
    const file = join(folder, 'files.json');
    for (const text of [
      '{',
      '{"format":2,"files":[],"packs":[]}',
      '{"format":1,"files":[["a","b",{"sha256":"x"}]],"packs":[]}',
    ]) {
      await writeFile(file, text);
      await (await openKeptFiles(file)).save();
      assert.is(await readFile(file, 'utf8'), '{"format":1,"files":[],"packs":[]}');
    }
  });
});

test('that it cannot be written is no failure', async () => {
  await inTempFolder(async (folder) => {
    await writeFile(join(folder, 'in-the-way'), '');
    await (await openKeptFiles(join(folder, 'in-the-way/files.json'))).save();
  });
});

test.run();
