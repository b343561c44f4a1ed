import { execFileSync } from 'node:child_process';
import { mkdir, open, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/open-store.ts';
import { readUsers } from '../../src/store/store-users.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';

test('what is no file is neither waited for nor read, and is no note', () =>
  inTempFolder(async (folder) => {
    const store = openStore(folder);
    await mkdir(join(folder, 'notes'));
    execFileSync('mkfifo', [join(folder, 'notes/user-a')]);
    await symlink('/dev/zero', join(folder, 'notes/user-b'));
    await writeFile(join(folder, 'other'), 'other');
    await symlink('../other', join(folder, 'notes/user-c'));
    const notes = await store.notes.read('user-');
    assert.equal(
      [...notes],
      [
        ['user-a', ''],
        ['user-b', ''],
        ['user-c', ''],
      ],
    );
    await assertFails(() => readUsers(store), 'bad-store-note', /user-a/);
  }));

test('notes of which the folder is a link are not passed over', () =>
  inTempFolder(async (folder) => {
    const store = openStore(join(folder, 'store'));
    await mkdir(join(folder, 'store'));
    await mkdir(join(folder, 'empty'));
    await symlink('../empty', join(folder, 'store/notes'));
    await assertFails(() => store.notes.read(''), 'store-not-a-folder', /store/);
    await assertFails(() => store.notes.write('a', ''), 'store-not-a-folder', /store/);
  }));

test('a note survives a power cut as what it is about does: its file and its folder are synced', () =>
  inTempFolder(async (folder) => {
    const handle = await open(folder, 'r');
    const methods = Object.getPrototypeOf(handle) as { sync: () => Promise<void> };
    await handle.close();
    const { sync } = methods;
    let synced = 0;
    methods.sync = function (this: unknown) {
      synced += 1;
      return sync.call(this);
    };
    try {
      await openStore(join(folder, 'store')).notes.write('a', 'text');
    } finally {
      methods.sync = sync;
    }
    assert.ok(synced >= 2, `${synced} times`);
  }));

test.run();
