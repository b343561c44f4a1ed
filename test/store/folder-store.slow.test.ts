import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/open-store.ts';
import { addRetiredContract } from './retired-contract.ts';
import { addStoreContract, assertAbsent, putProcess, type Subject, sha256Of } from './store-contract.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';

const test = suite('folder-store');
const isRoot = process.getuid?.() === 0;

function blobPath(root: string, sha256: string): string {
  return join(root, 'sha256', sha256.slice(0, 2), sha256.slice(2));
}

const subject = async (folder: string): Promise<Subject> => {
  const root = join(folder, 'store');
  return {
    store: openStore(`file:${root}`),
    location: root,
    damage: async (sha256, content) => {
      await rm(blobPath(root, sha256));
      await writeFile(blobPath(root, sha256), content);
    },
  };
};
addStoreContract(test, subject);
addRetiredContract(test, subject);

test('blobs are read-only files at sha256/ab/rest, and no temporary file stays', () =>
  inTempFolder(async (folder) => {
    const { sha256 } = await openStore(folder).putBytes(Buffer.from('x'));
    assert.is((await stat(blobPath(folder, sha256))).mode & 0o777, 0o444 & ~process.umask());
    assert.equal(await readdir(join(folder, 'tmp')), []);
  }));

test('what else lies in its folder is not listed', () =>
  inTempFolder(async (folder) => {
    const store = openStore(folder);
    const { sha256 } = await store.putBytes(Buffer.from('x'));
    const beside = join(folder, 'sha256', sha256.slice(0, 2));
    await writeFile(join(beside, 'notes'), '');
    await writeFile(join(folder, 'sha256', 'zz'), '');
    await mkdir(join(beside, '0'.repeat(62)));
    await symlink(blobPath(folder, sha256), join(beside, '1'.repeat(62)));
    const listed: string[] = [];
    for await (const blob of store.list()) listed.push(blob.sha256);
    assert.equal(listed, [sha256]);
  }));

test('a put killed in the middle leaves no blob, and does not hinder the next', () =>
  inTempFolder(async (folder) => {
    const root = join(folder, 'store');
    const bytes = randomBytes(64 << 20);
    const sha256 = sha256Of(bytes);
    await writeFile(join(folder, 'file'), bytes);
    const child = spawn(process.execPath, putProcess(root, join(folder, 'file'), sha256), {
      stdio: 'ignore',
    });
    const exited = once(child, 'exit');
    while ((await partSize(root)) === 0 && child.exitCode === null) await sleep(1);
    child.kill('SIGKILL');
    const [, signal] = await exited;
    assert.is(signal, 'SIGKILL', 'the kill came too late to test anything');
    await assertAbsent(blobPath(root, sha256));
    assert.is((await readdir(join(root, 'tmp'))).length, 1);
    const store = openStore(root);
    assert.is(await store.has(sha256, bytes.length), false);
    await store.putFile(join(folder, 'file'), sha256);
    await store.fetchFile(sha256, join(folder, 'copy'));
    assert.ok((await readFile(join(folder, 'copy'))).equals(bytes));
  }));

async function partSize(root: string): Promise<number> {
  const [part] = await readdir(join(root, 'tmp')).catch(() => []);
  return part === undefined ? 0 : (await stat(join(root, 'tmp', part)).catch(() => ({ size: 0 }))).size;
}

test('a full disk is an error that names the store, and leaves no temporary file', () =>
  onTmpfs(async (disk, folder) => {
    const store = openStore(join(disk, 'store'));
    const bytes = randomBytes(3 << 20);
    await writeFile(join(folder, 'big'), bytes);
    const error = await assertFails(
      () => store.putFile(join(folder, 'big'), sha256Of(bytes)),
      'store-full',
      /no room left in the store .*disk\/store/,
    );
    assert.match(error.hint ?? '', /free space/);
    assert.equal(await readdir(join(disk, 'store', 'tmp')), []);
    await store.putBytes(randomBytes(1 << 19));
    await assertFails(() => store.putBytes(bytes), 'store-full', /no room/);

    const elsewhere = openStore(join(folder, 'store'));
    const { sha256 } = await elsewhere.putBytes(bytes);
    await assertFails(() => elsewhere.fetchFile(sha256, join(disk, 'copy')), 'disk-full', /disk\/copy/);
    await assertAbsent(join(disk, 'copy'));
  }));

test('a read-only file system is an error of its own', () =>
  onTmpfs(async (disk) => {
    const store = openStore(disk);
    const { sha256 } = await store.putBytes(Buffer.from('x'));
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    await assertFails(() => store.putBytes(Buffer.from('y')), 'store-read-only', /disk/);
    assert.is(await store.has(sha256, 1), true);
  }));

/** Mounts a file system of 2 MiB, which takes root: skipped for others, but not in CI. */
async function onTmpfs(work: (disk: string, folder: string) => Promise<void>): Promise<void> {
  await inTempFolder(async (folder) => {
    const disk = join(folder, 'disk');
    await mkdir(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { encoding: 'utf8' });
    if (mounted.status !== 0) {
      if (process.env.CI === 'true') throw new Error(`cannot mount a tmpfs: ${mounted.stderr}`);
      console.error(`skipped: needs the right to mount a tmpfs (${mounted.stderr})`);
      return;
    }
    try {
      await work(disk, folder);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
}

test('missing permission is an error that names the store', () =>
  inTempFolder(async (folder) => {
    const root = join(folder, 'store');
    const store = openStore(root);
    await store.putBytes(Buffer.from('x'));
    await chmod(folder, 0o755);
    await chmod(join(root, 'tmp'), 0o555);
    await asOrdinaryUser(() =>
      assertFails(() => store.putBytes(Buffer.from('y')), 'store-denied', /permission .*store/),
    );
    await chmod(join(root, 'sha256'), 0);
    await asOrdinaryUser(() =>
      assertFails(() => store.has('a'.repeat(64), 1), 'store-denied', /permission .*store/),
    );
    await chmod(join(root, 'sha256'), 0o755);
  }));

/** Root may do everything: it steps down for the time being. */
async function asOrdinaryUser(work: () => Promise<unknown>): Promise<void> {
  if (isRoot) process.seteuid?.(65534);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

test('a store whose place is taken by a file is an error that names it', () =>
  inTempFolder(async (folder) => {
    await writeFile(join(folder, 'store'), '');
    const store = openStore(join(folder, 'store'));
    await assertFails(() => store.putBytes(Buffer.from('x')), 'store-not-a-folder', /store/);
    await assertFails(() => store.has('a'.repeat(64), 1), 'store-not-a-folder', /store/);
  }));

test.run();
