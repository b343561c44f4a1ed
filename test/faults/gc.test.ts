import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openLiveReader } from '../../src/ledger/live.ts';
import { openStateReader } from '../../src/ledger/read-state.ts';
import { settle } from '../../src/ledger/settle.ts';
import { scratchFolder } from '../git/scratch-repository.ts';
import { serve } from '../ledger/git-daemon.ts';
import {
  chunk,
  claim,
  finish,
  participant,
  queued,
  type Shared,
  scratchLedger,
  scratchShared,
  submit,
} from '../ledger/support.ts';

const id = { run: 'run-1', job: 'train' };

/** How a repository is tidied up by those who keep it. */
const tidyUps = {
  'git gc --prune=now': 'git gc --quiet --prune=now',
  'git repack -ad, and prune': 'git repack -adq && git prune-packed && git prune --expire=now',
  'git pack-refs': 'git pack-refs --all',
};

/**
 * Tidies up in the middle of pushes: by turns when objects have arrived in quarantine (which pruning takes away, so that
 * Git refuses the push), when the refs are about to change (new objects are nobody's then), and afterwards. Every other
 * push goes through undisturbed.
 */
function tidyInTurns(shared: Shared, command: string): void {
  const tidy = `env -u GIT_QUARANTINE_PATH -u GIT_OBJECT_DIRECTORY -u GIT_ALTERNATE_OBJECT_DIRECTORIES sh -c '${command}' >&2; echo >> tidied`;
  const inTurn = (turns: string) => `case $(($(cat pushes) % 6)) in ${turns}) ${tidy};; esac`;
  shared.hook('pre-receive', `echo $(($(cat pushes || echo 0) + 1)) > pushes; ${inTurn('1')}; exit 0`);
  shared.hook('update', `${inTurn('3')}; exit 0`);
  shared.hook('post-receive', `${inTurn('5')}; exit 0`);
}

/** A job from its submission to its end, in a shared repository. */
async function seeThrough(shared: Shared, submitter: Ledger, runner: Ledger): Promise<void> {
  await submit(submitter, id.run);
  const state = openStateReader(submitter);
  assert.is((await state.read()).runs[0]?.state, 'submitted');
  const holder = await claim(runner, await queued(runner, id.run));
  for (const text of ['one\n', 'two\n', 'three\n']) {
    assert.is(await holder.renew({ state: 'running', chunks: [chunk(text)] }), 'won');
  }
  assert.is((await state.read()).runs[0]?.state, 'running');
  assert.is(await settle(runner, [await finish(holder)]), true);
  assert.is((await state.read()).runs[0]?.state, 'done');
  const listed = shared.git('ls-tree', '-r', '--name-only', 'refs/dstack/jobs/run-1/train', 'log');
  assert.is(listed.split('\n').length, 3);
  assert.ok(readFileSync(path.join(shared.path, 'tidied'), 'utf8').length > 3);
  assert.is(shared.git('for-each-ref', 'refs/dstack/queue', 'refs/dstack/claims'), '');
  shared.git('fsck', '--full', '--strict');
}

for (const [what, command] of Object.entries(tidyUps)) {
  test(`${what} in the middle of pushes, by path`, async () => {
    const { shared, ledger } = await scratchLedger();
    tidyInTurns(shared, command);
    await seeThrough(shared, ledger, await participant(shared.path, 'runner'));
  });

  test(`${what} in the middle of pushes, by daemon`, async () => {
    const shared = await scratchShared();
    shared.git('config', 'daemon.receivepack', 'true');
    tidyInTurns(shared, command);
    const server = await serve(shared.path);
    try {
      await seeThrough(shared, await participant(server.url), await participant(server.url, 'runner'));
    } finally {
      await server.stop();
    }
  });
}

test('readers that live long see objects whose packs were made anew, and removed, beneath them', async () => {
  const { shared, ledger } = await scratchLedger();
  const other = await participant(shared.path, 'other');
  const live = openLiveReader(other);
  const state = openStateReader(other);
  for (const number of [1, 2, 3, 4]) {
    await submit(ledger, `run-${number}`);
    shared.git('repack', '-adq');
    assert.is((await live.look()).queue.size, number);
    const { runs } = await state.read();
    assert.equal(
      runs.map((run) => run.jobs[0]?.reason),
      runs.map(() => 'waits for a runner: there is none'),
    );
  }
  // What nothing has read yet lies in packs that the readers have never heard of.
  const clone = path.join(scratchFolder(), 'clone.git');
  execFileSync('git', ['clone', '--quiet', '--mirror', shared.path, clone]);
  const before = (await live.look()).queue;
  rmSync(path.join(shared.path, 'objects/pack'), { recursive: true });
  execFileSync('cp', ['-r', path.join(clone, 'objects/pack'), path.join(shared.path, 'objects/pack')]);
  const fresh = openLiveReader(other);
  assert.equal((await fresh.look()).queue, before);
});

test.run();
