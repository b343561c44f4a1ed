import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { initBareRepository } from '../../src/git/repository.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { settle } from '../../src/ledger/settle.ts';
import { fetchHistory } from '../../src/ledger/sync.ts';
import { setTag } from '../../src/ledger/tags.ts';
import { scratchProject } from '../git/scratch-repository.ts';
import { chunk, claim, finish, participant, queued, scratchLedger, submit } from './support.ts';

test('runs, finished jobs, tags and logs come under the same names, and nothing of what goes on', async () => {
  const { shared, ledger } = await scratchLedger();
  const { commit } = await submit(ledger, 'run-1');
  await submit(ledger, 'run-2');
  const holder = await claim(ledger, await queued(ledger, 'run-1'));
  await holder.renew({ chunks: [chunk('hello\n')] });
  await settle(ledger, [await finish(holder)]);
  await setTag(ledger, 'best', commit);
  const project = scratchProject();
  const local = await initBareRepository(join(project.path, '.git'));
  const mine = await openLedger({ local, remote: shared.path });
  await fetchHistory(mine);
  await fetchHistory(mine);
  const refs = project.git('for-each-ref', '--format=%(refname)').split('\n');
  assert.equal(refs, [
    'refs/dstack/jobs/run-1/train',
    'refs/dstack/runs/run-1',
    'refs/dstack/runs/run-2',
    'refs/dstack/tags/best',
    'refs/heads/main',
    'refs/notes/dstack/run-1/train',
  ]);
  const log = project.git('log', '-1', '--notes=dstack/*', 'refs/dstack/runs/run-1');
  assert.match(log, /Notes \(dstack\/run-1\/train\):\n {4}train \(done\)\n *\n {4}hello/);
  mine.close();
});

test('a ref where the logs would lie is named, with the way to rename it, and that way works', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const project = scratchProject();
  project.git('update-ref', 'refs/notes/dstack', 'HEAD');
  const local = await initBareRepository(join(project.path, '.git'));
  const mine = await openLedger({ local, remote: shared.path });
  try {
    await fetchHistory(mine);
    assert.unreachable();
  } catch (error) {
    const { code, hint } = error as { code: string; hint: string };
    assert.is(code, 'notes-ref-in-the-way');
    for (const command of hint.slice(hint.indexOf('git')).split(' && '))
      project.git(...command.split(' ').slice(1));
  }
  await fetchHistory(mine);
  assert.ok(project.git('rev-parse', 'refs/notes/dstack-old'));
  mine.close();
});

test('a repository that is the shared one itself has nothing to fetch', async () => {
  const { shared } = await scratchLedger();
  const local = await initBareRepository(shared.path);
  const ledger = await openLedger({ local, remote: shared.path });
  await submit(await participant(shared.path), 'run-1');
  const before = shared.refs();
  await fetchHistory(ledger);
  assert.equal(shared.refs(), before);
  ledger.close();
});

test.run();
