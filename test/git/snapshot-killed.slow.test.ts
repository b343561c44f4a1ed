import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { discoverRepository } from '../../src/git/repository.ts';
import { takeSnapshot } from '../../src/git/snapshot.ts';
import { type Scratch, scratchFolder, scratchProject, userState } from './scratch-repository.ts';

const test = suite('snapshot killed');

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Starts a process that takes one snapshot after the other, and kills it and its Git after so many milliseconds. */
async function killedAfter(project: Scratch, temporary: string, milliseconds: number): Promise<void> {
  const script = join(import.meta.dirname, 'take-snapshot.ts');
  const taker = spawn(process.execPath, ['--import', 'tsx', script, ...Array(200).fill(project.path)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: temporary },
  });
  const ended = once(taker, 'exit');
  await once(taker.stdout, 'data');
  await sleep(milliseconds);
  process.kill(-(taker.pid as number), 'SIGKILL');
  const [, signal] = await ended;
  assert.is(signal, 'SIGKILL');
}

test('at any instant, changes nothing of the user, and the next one succeeds', async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  const random = randomNumbers(seed);
  const temporary = scratchFolder();
  const project = scratchProject();
  project.write('train.py', 'staged\n');
  project.git('add', 'train.py');
  project.git('stash', '--quiet');
  project.git('stash', 'apply', '--quiet', '--index');
  project.git('update-index', '--assume-unchanged', 'run.sh');
  project.write('run.sh', 'changed\n');
  const repository = await discoverRepository(project.path);
  for (let round = 0; round < 5; round++) {
    // Every round has something to write, so that Git may be hit while it writes.
    for (let file = 0; file < 50; file++) project.write(`new/${round}-${file}.txt`, `${random()}\n`);
    const before = userState(project);
    await killedAfter(project, temporary, random() * 150);
    assert.equal(userState(project), before);
  }
  const before = userState(project);
  const { tree, stats } = await takeSnapshot(repository);
  assert.equal(userState(project), before);
  assert.is(stats.untracked, 250);
  assert.is(project.git('cat-file', 'blob', `${tree}:run.sh`), 'changed');
  // Reads every object, those of the tree as well as those of the snapshots that were cut off.
  assert.is(project.git('fsck', '--strict', '--no-dangling', '--no-progress', tree), '');
});

test.run();
