import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openLedgerStore, type Project } from '../../src/cli/project.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';

const project = (store?: string) =>
  ({ repository: { commonDir: '/srv/p/.git' }, folder: '/srv/p', config: { store } }) as Project;
const ledgerAt = (path: string) => ({ shared: { path, remote: path } }) as Ledger;

test("what is configured as store holds for every repository but the project's own", async () => {
  const locationOf = async (path: string, store?: string) =>
    (await openLedgerStore(project(store), ledgerAt(path))).location;
  assert.is(
    await locationOf('/srv/p/.git/dstack/local.git', 'file:/mnt/store'),
    '/srv/p/.git/dstack/local.store',
  );
  assert.is(await locationOf('/data/dstack/local.git', 'file:/mnt/store'), '/mnt/store');
  assert.is(await locationOf('/data/dstack/local.git'), '/data/dstack/local.store');
});

test.run();
