import { randomInt } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DstackError } from '../../src/errors.ts';
import { checkBlobs } from '../../src/store/check-blobs.ts';
import { collectArtifacts } from '../../src/store/collect-artifacts.ts';
import { type Blob, blobsOf, blobsOfFile, type Manifest } from '../../src/store/manifest.ts';
import { openStore } from '../../src/store/open-store.ts';
import { readContent } from '../../src/store/read-content.ts';
import { restoreArtifacts } from '../../src/store/restore-artifacts.ts';
import type { Store } from '../../src/store/store.ts';
import { random } from './random.ts';
import { serveS3 } from './s3-network.ts';
import { keyOf, newS3Store } from './s3-support.ts';
import { missing } from './swift.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';

const test = suite('bit-flips');
const seed = Number(process.env.SEED ?? randomInt(1 << 30));
console.log(`SEED=${seed}`);
const MIB = 1 << 20;

const text = Array.from({ length: 30_000 }, (_, row) => `${row},${Math.sin(row)}\n`).join('');
const contents: Readonly<Record<string, Buffer>> = {
  'small-a': Buffer.from('one of those that share a blob'),
  'small-b': random(3000, 'b'),
  whole: random(300_000, 'whole'),
  compressed: Buffer.from(text),
  chunks: random(6 * MIB, 'chunks'),
};

interface Scene {
  folder: string;
  store: Store;
  manifest: Manifest;
  /** What lies there under a blob's name becomes this. */
  overwrite(sha256: string, content: Uint8Array): Promise<void>;
}

/** Flips one bit, where the seed says. */
function flipped(bytes: Uint8Array, nth: number): { damaged: Buffer; at: number } {
  const at = random(4, `${seed} ${nth}`).readUInt32LE() % bytes.length;
  const damaged = Buffer.from(bytes);
  damaged[at]! ^= 1 << (at % 8);
  return { damaged, at };
}

/** One blob of each kind: a pack, a whole file, a compressed one, the first and last chunks of a file. */
function kindsOf(manifest: Manifest): [string, Blob, string][] {
  const of = (path: string) => {
    const entry = manifest.entries.find((one) => one.path === path);
    assert.ok(entry?.type === 'file');
    return blobsOfFile(manifest, entry);
  };
  const chunks = of('chunks');
  assert.ok(chunks.length > 2);
  return [
    ['a pack', of('small-a')[0] as Blob, 'small-a'],
    ['a whole file', of('whole')[0] as Blob, 'whole'],
    ['a compressed one', of('compressed')[0] as Blob, 'compressed'],
    ['the first chunk', chunks[0] as Blob, 'chunks'],
    ['the last chunk', chunks.at(-1) as Blob, 'chunks'],
  ];
}

async function workspaceIn(folder: string): Promise<string> {
  const workspace = join(folder, 'workspace');
  await mkdir(workspace);
  for (const [path, bytes] of Object.entries(contents)) await writeFile(join(workspace, path), bytes);
  return workspace;
}

async function bytesOf(store: Store, { sha256 }: Blob): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of await store.read(sha256)) parts.push(part);
  return Buffer.concat(parts);
}

/** Whatever is there is right; true: it is all there. */
async function allRight(into: string): Promise<boolean> {
  let all = true;
  for (const [path, bytes] of Object.entries(contents)) {
    const there = await readFile(join(into, path)).catch(() => null);
    if (there === null) all = false;
    else assert.ok(there.equals(bytes), `${path} is wrong`);
  }
  return all;
}

async function flipInStore({ folder, store, manifest, overwrite }: Scene): Promise<void> {
  for (const [nth, [kind, blob, path]] of kindsOf(manifest).entries()) {
    const right = await bytesOf(store, blob);
    const { damaged, at } = flipped(right, nth);
    const what = `${kind}, byte ${at}, SEED=${seed}`;
    const into = join(folder, `into-${nth}`);

    await overwrite(blob.sha256, damaged);
    const restoring = () => restoreArtifacts(manifest, store, into);
    await assertFails(restoring, 'blob-damaged', new RegExp(blob.sha256));
    assert.is(await allRight(into), false, what);
    assert.is(await store.has(blob.sha256, blob.size), false, `set aside: ${what}`);

    await overwrite(blob.sha256, damaged);
    const lost = await checkBlobs(manifest, store);
    assert.ok(
      lost.some((one) => one.file.path === path && one.problem === 'damaged'),
      what,
    );

    await overwrite(blob.sha256, damaged);
    const entry = manifest.entries.find((one) => one.path === path);
    assert.ok(entry?.type === 'file');
    await assertFails(
      async () => {
        for await (const _ of readContent(manifest, entry, store));
      },
      'blob-damaged',
      new RegExp(blob.sha256),
    );

    // The job that makes it again mends it.
    await store.putBytes(right);
    await restoreArtifacts(manifest, store, into);
    assert.ok(await allRight(into), what);
  }
}

test('one bit in a folder: nothing wrong is ever given out', () =>
  inTempFolder(async (folder) => {
    const store = openStore(join(folder, 'store'));
    const { manifest } = await collectArtifacts(await workspaceIn(folder), ['.'], store);
    const overwrite = async (sha256: string, content: Uint8Array) => {
      const blob = join(folder, 'store/sha256', sha256.slice(0, 2), sha256.slice(2));
      await rm(blob, { force: true });
      await writeFile(blob, content);
    };
    await flipInStore({ folder, store, manifest, overwrite });
  }));

test('a bit of a list of artifacts: refused, or what it names has the content it names', () =>
  inTempFolder(async (folder) => {
    const { parseManifest, serializeManifest } = await import('../../src/store/manifest-text.ts');
    const store = openStore(join(folder, 'store'));
    const { manifest } = await collectArtifacts(await workspaceIn(folder), ['.'], store);
    const list = Buffer.from(serializeManifest(manifest));
    let refused = 0;
    for (let nth = 0; nth < 60; nth += 1) {
      const { damaged, at } = flipped(list, nth);
      const into = join(folder, `into-${nth}`);
      try {
        await restoreArtifacts(parseManifest(damaged), store, into);
      } catch (error) {
        if (!(error instanceof DstackError)) throw error;
        assert.match(
          error.code,
          /^(bad-manifest|blob-missing|blob-damaged|bad-artifact-path|bad-link|future-manifest)$/,
          `byte ${at}`,
        );
        refused += 1;
      }
      await allRight(into);
      await rm(into, { recursive: true, force: true });
    }
    assert.ok(refused > 30, `${refused} of 60 refused, SEED=${seed}`);
  }));

if (missing === null) {
  const s3 = serveS3(test);

  test('one bit in S3: nothing wrong is ever given out', () =>
    inTempFolder(async (folder) => {
      const { store, client, bucket } = await newS3Store(s3.server.endpoint);
      const { manifest } = await collectArtifacts(await workspaceIn(folder), ['.'], store);
      const overwrite = async (sha256: string, Body: Uint8Array) => {
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: keyOf(sha256), Body }));
      };
      await flipInStore({ folder, store, manifest, overwrite });
    }));

  test('a bit on the way from S3: asked for again, and right', () =>
    inTempFolder(async (folder) => {
      const { store } = await newS3Store(s3.server.endpoint, s3.proxy.endpoint);
      const { manifest } = await collectArtifacts(await workspaceIn(folder), ['.'], store);
      for (const [nth, [kind, blob]] of kindsOf(manifest).entries()) {
        const at = random(4, `${seed} ${nth}`).readUInt32LE() % blob.size;
        let flips = 0;
        s3.proxy.fault = ({ method, path }) =>
          method === 'GET' && path.includes(blob.sha256.slice(2)) && flips++ === 0 ? { flip: at } : undefined;
        await restoreArtifacts(manifest, store, join(folder, `into-${nth}`));
        assert.ok(flips > 1, `${kind}, byte ${at}, SEED=${seed}`);
        assert.ok(await allRight(join(folder, `into-${nth}`)));
      }
      s3.proxy.fault = () => undefined;
    }));

  test('a bit on the way to S3: refused there, and sent again', () =>
    inTempFolder(async (folder) => {
      const { store } = await newS3Store(s3.server.endpoint, s3.proxy.endpoint);
      let flips = 0;
      s3.proxy.fault = ({ method }) =>
        method === 'PUT' && flips++ % 3 === 0 ? { flipBody: 100 } : undefined;
      const { manifest } = await collectArtifacts(await workspaceIn(folder), ['.'], store).finally(() => {
        s3.proxy.fault = () => undefined;
      });
      assert.ok(flips > blobsOf(manifest).length);
      assert.equal(await checkBlobs(manifest, store), []);

      s3.proxy.fault = ({ method }) => (method === 'PUT' ? { flipBody: 3 } : undefined);
      const sending = store.putBytes(Buffer.from('always flipped')).finally(() => {
        s3.proxy.fault = () => undefined;
      });
      await assertFails(() => sending, 'store-unreliable', /arrives there as something else/);
    }));
} else console.log(`SKIP bit flips in S3: ${missing}`);

test.run();
