import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { settle } from '../../src/ledger/settle.ts';
import { keepFolded } from '../../src/runner/keep-folded.ts';
import { until } from '../e2e/project.ts';
import { claim, finish, participant, queued, scratchShared, submit } from '../ledger/support.ts';

test('of all runners that are there one archives finished runs', async () => {
  const shared = await scratchShared();
  const ledgers = await Promise.all(['gpu-1', 'gpu-2', 'gpu-3'].map((who) => participant(shared.path, who)));
  const [first] = ledgers;
  if (!first) throw new Error('nobody');
  for (const run of ['run-1', 'run-2']) {
    await submit(first, run);
    await settle(first, [await finish(await claim(first, await queued(first, run)))]);
  }
  const tree = shared.git('hash-object', '-t', 'tree', '-w', '/dev/null');
  const card = shared.git('commit-tree', '-m', 'card', tree);
  for (const { who } of ledgers) shared.git('update-ref', `refs/dstack/runners/${who.name}`, card);
  const told: string[] = [];
  const keepers = ledgers.map((ledger) =>
    keepFolded(
      ledger,
      { name: ledger.who.name, log: { info: () => told.push(ledger.who.name), warn: () => {} } },
      50,
      { most: 0, rest: 0 },
    ),
  );
  try {
    await until('it is told', () => told.length > 0);
  } finally {
    await Promise.all(keepers.map((keeper) => keeper.stop()));
  }
  assert.is(told.length, 1);
  const refs = [...shared.refs().keys()].filter((ref) => !ref.startsWith('refs/dstack/runners/'));
  assert.is(refs.length, 2);
  assert.ok(refs.every((ref) => ref.startsWith('refs/dstack/archive/')));
});

test.run();
