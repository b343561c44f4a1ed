import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStateReader } from '../../../src/ledger/read-state.ts';
import { nameOfPushed } from '../../../src/ledger/triggers/names.ts';
import { readSeen } from '../../../src/ledger/triggers/seen-ref.ts';
import { watchTriggers } from '../../../src/ledger/triggers/watch-triggers.ts';
import { scratchFolder } from '../../git/scratch-repository.ts';
import { serve } from '../git-daemon.ts';
import { participant, scratchShared } from '../support.ts';
import { cloneOf, workflows } from './support.ts';

const program = join(import.meta.dirname, 'observer-program.ts');

/** Ends with the process, however that ends. */
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

function observe(remote: string): ChildProcess {
  const own = join(scratchFolder(), 'own.git');
  const child = spawn(process.execPath, ['--import', 'tsx', program, own, remote], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  children.add(child);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
  children.delete(child);
}

for (const where of ['a folder', 'a daemon']) {
  test(`observers that are killed at any moment lose no push, and run none twice: ${where}`, async () => {
    const shared = await scratchShared();
    const daemon = where === 'a daemon' ? await serve(shared.path) : null;
    const remote = daemon?.url ?? shared.path;
    const ledger = await participant(remote);
    const watch = watchTriggers(ledger, { patience: 0 });
    await watch.look();
    const clone = cloneOf(shared.path);
    const observers = [observe(remote), observe(remote)];
    const expected = new Set<string>();
    for (let number = 0; number < 8; number += 1) {
      const branch = `b${number}`;
      const commit = clone.push({ ...workflows({ train: 'push', other: 'push' }), branch }, branch);
      for (const workflow of ['train', 'other'])
        expected.add(nameOfPushed(workflow, `refs/heads/${branch}`, commit));
      await sleep(100 + Math.random() * 500);
      const victim = observers.shift();
      if (victim) await kill(victim);
      observers.push(observe(remote));
    }
    // Who is left, or comes later, completes what others have begun.
    await Promise.all(observers.map(kill));
    for (let looks = 0; looks < 50; looks += 1) {
      const { failed } = await watch.look();
      assert.equal(failed, []);
      if ((await readSeen(ledger))?.seen.pending.length === 0) break;
    }
    const { runs } = await openStateReader(ledger).read();
    assert.equal(runs.map(({ name }) => name).sort(), [...expected].sort());
    for (const { name, jobs } of runs) assert.ok(jobs[0]?.queueEntry, `${name} is whole`);
    await daemon?.stop();
  });
}

test.run();
