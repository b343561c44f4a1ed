import { mkdtempSync, rmSync } from 'node:fs';
import { open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/open-store.ts';
import { random } from './random.ts';
import { missing, reflinkDisk } from './reflink-disk.ts';
import { addStoreContract, assertAbsent, sha256Of } from './store-contract.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';

const test = suite('folder-store-reflink');
const mebibytes = 256;
const usual = tmpdir();
const folder = mkdtempSync(join(usual, 'dstack-reflink-'));
const disk = missing === null ? reflinkDisk(folder, mebibytes) : null;
// Where temporary folders are made from now on.
if (disk) process.env.TMPDIR = disk.path;

test.after(() => {
  process.env.TMPDIR = usual;
  disk?.remove();
});

addStoreContract(test, async (below) => {
  const root = join(below, 'store');
  return {
    store: openStore(`file:${root}`),
    location: root,
    damage: async (sha256, content) => {
      const blob = join(root, 'sha256', sha256.slice(0, 2), sha256.slice(2));
      await rm(blob);
      await writeFile(blob, content);
    },
  };
});

test('copies share their blocks, and each stays what it is when another is written to', () =>
  inTempFolder(async (here) => {
    const store = openStore(join(here, 'store'));
    const bytes = random(32 << 20, 'large');
    const [source, sha256] = [join(here, 'source'), sha256Of(bytes)];
    await writeFile(source, bytes);
    await store.putFile(source, sha256);
    // Together three times what the disk has.
    const copies = Array.from({ length: (3 * mebibytes) / 32 }, (_, index) => join(here, `copy-${index}`));
    for (const copy of copies) await store.fetchFile(sha256, copy);

    for (const path of [source, copies[0] as string]) {
      const file = await open(path, 'r+');
      await file.write('written over', 1000);
      await file.close();
    }
    assert.ok((await readFile(copies[1] as string)).equals(bytes));
    await store.fetchFile(sha256, join(here, 'another'));
    assert.ok((await readFile(join(here, 'another'))).equals(bytes));
    assert.is((await stat(copies[1] as string)).mode & 0o777, 0o666 & ~process.umask());
    const blob = join(here, 'store/sha256', sha256.slice(0, 2), sha256.slice(2));
    assert.is((await stat(blob)).mode & 0o777, 0o444 & ~process.umask());
  }));

test('of a source that is not what its name says nothing is left', () =>
  inTempFolder(async (here) => {
    const store = openStore(join(here, 'store'));
    await writeFile(join(here, 'source'), random(1 << 20, 'other'));
    const sha256 = sha256Of(random(1 << 20, 'said'));
    await assertFails(() => store.putFile(join(here, 'source'), sha256), 'file-changed', /source changed/);
    await assertAbsent(join(here, 'store/sha256', sha256.slice(0, 2), sha256.slice(2)));
    assert.equal(await readdir(join(here, 'store/tmp')), []);
  }));

if (missing !== null) console.log(`SKIP a store on a disk with reflinks: ${missing}`);
else if (disk) test.run();
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
