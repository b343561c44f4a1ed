import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyBlobs } from '../../src/store/copy-blobs.ts';
import { openFolderStore } from '../../src/store/folder-store.ts';
import type { Progress } from '../../src/store/progress.ts';

const test = suite<{ root: string }>('copying blobs from store to store');
test.before.each((context) => {
  context.root = mkdtempSync(join(tmpdir(), 'copy-blobs-'));
  mkdirSync(join(context.root, 'passing'));
});
test.after.each(({ root }) => rmSync(root, { recursive: true, force: true }));

test('each goes once, and what is there is not sent again', async ({ root }) => {
  const [from, to] = [openFolderStore(join(root, 'from')), openFolderStore(join(root, 'to'))];
  const one = await from.putBytes(Buffer.from('one'));
  const three = await from.putBytes(Buffer.from('three'));
  await to.putBytes(Buffer.from('three'));
  const seen: Progress[] = [];
  const passing = join(root, 'passing');
  assert.is(await copyBlobs([one, three, one], from, to, passing, (progress) => seen.push(progress)), 3);
  assert.equal(seen.at(-1), { files: 2, bytes: 8, totalFiles: 2, totalBytes: 8 });
  assert.ok(await to.has(one.sha256, 3));
  assert.is(await copyBlobs([one, three], from, to, passing), 0);
  assert.equal(readdirSync(passing), []);
});

test("what is damaged or missing doesn't arrive, and leaves nothing in passing", async ({ root }) => {
  const [from, to] = [openFolderStore(join(root, 'from')), openFolderStore(join(root, 'to'))];
  const blob = await from.putBytes(Buffer.from('one'));
  const path = join(root, 'from/sha256', blob.sha256.slice(0, 2), blob.sha256.slice(2));
  chmodSync(path, 0o644);
  writeFileSync(path, 'two');
  const passing = join(root, 'passing');
  for (const code of ['blob-damaged', 'blob-missing']) {
    try {
      await copyBlobs([blob], from, to, passing);
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code: string }).code, code);
    }
    assert.not.ok(await to.has(blob.sha256, 3));
    assert.equal(readdirSync(passing), []);
  }
});

test.run();
