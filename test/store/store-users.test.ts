import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { unknownUsers } from '../../src/cli/look-for-unused.ts';
import type { WholeLedger } from '../../src/ledger/prune/whole-ledger.ts';
import { openStore } from '../../src/store/open-store.ts';
import { noteUser, readUsers, type StoreUser } from '../../src/store/store-users.ts';
import { inTempFolder } from './temp-folder.ts';

const user = (run: string, commit = run): StoreUser => ({
  repository: '/srv/shared.git',
  prefix: 'refs/dstack',
  by: 'upload',
  run,
  commit,
});
const ledger = (...runs: string[]) =>
  ({ runs: new Map(runs.map((run) => [run, { commit: run }])) }) as unknown as WholeLedger;

test('repositories at the same path of two machines have a note each', () =>
  inTempFolder(async (folder) => {
    const store = openStore(folder);
    await noteUser(store, user('same', 'one'), 'alpha');
    await noteUser(store, user('same', 'one'), 'beta');
    assert.is((await readUsers(store)).size, 2);
  }));

test('an old copy of a repository lacks a run, even if one that it has was noted last', () =>
  inTempFolder(async (folder) => {
    const store = openStore(folder);
    for (const run of ['run1', 'run2', 'run3', 'run1']) await noteUser(store, user(run));
    const users = await readUsers(store);
    assert.equal(unknownUsers(users, [ledger('run1', 'run2', 'run3')]), []);
    const unknown = unknownUsers(users, [ledger('run1')]);
    assert.is(unknown.length, 1, 'one user');
    assert.match(unknown[0]?.[0] ?? '', /^user-[0-9a-f]{24}-\{[0-9a-f]{2},[0-9a-f]{2}\}$/);
    const [[note] = ['']] = unknownUsers(users, [ledger('run1', 'run2')]);
    assert.ok(users.has(note), note);
  }));

test.run();
