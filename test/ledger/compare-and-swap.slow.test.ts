import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeCommits } from '../../src/git/write-commits.ts';
import { backOff } from '../../src/ledger/back-off.ts';
import { acquireClaim } from '../../src/ledger/claims.ts';
import { compareAndSwap, judgeTip } from '../../src/ledger/compare-and-swap.ts';
import { type Ledger, signature } from '../../src/ledger/ledger.ts';
import {
  claimant,
  loseNextReply,
  participant,
  queued,
  refuseNextPush,
  scratchLedger,
  scratchShared,
  submit,
} from './support.ts';

const ref = 'refs/dstack/claims/run/job';

async function newObject(ledger: Ledger, content: string): Promise<string> {
  const files = [{ path: 'claim.json', content }];
  const [id] = await writeCommits(ledger.shared.local, [
    { parents: [], files, message: content, author: signature(ledger) },
  ]);
  return id as string;
}

function swap(ledger: Ledger, from: string | null, to: string | null, mine: string[] = [], tries = 4) {
  return compareAndSwap(ledger.shared, { ref, from, to }, new Set(mine), backOff(ledger.clock, tries));
}

test('what a tip means after a push that failed', () => {
  const update = { from: 'a', to: 'b' };
  const mine = new Set(['b', 'a2']);
  assert.is(judgeTip('b', update, mine), 'won');
  assert.equal(judgeTip('a', update, mine), { retryFrom: 'a' });
  assert.equal(judgeTip('a2', update, mine), { retryFrom: 'a2' });
  assert.is(judgeTip('foreign', update, mine), 'lost');
  assert.is(judgeTip(null, update, mine), 'lost');
  assert.equal(judgeTip(null, { from: null, to: 'b' }, mine), { retryFrom: null });
  assert.is(judgeTip(null, { from: 'a', to: null }, mine), 'won');
});

test('creates, replaces, deletes, each only over what is expected', async () => {
  const { shared, ledger } = await scratchLedger();
  const other = await participant(shared.path);
  const [a, b] = [await newObject(ledger, 'a'), await newObject(ledger, 'b')];
  const foreign = await newObject(other, 'foreign');
  assert.is(await swap(ledger, null, a), 'won');
  assert.is(await swap(other, null, foreign), 'lost');
  assert.is(await swap(ledger, a, b), 'won');
  // Long after: what it expects has been replaced.
  assert.is(await swap(other, null, foreign), 'lost');
  assert.is(await swap(ledger, a, null), 'lost');
  assert.is(shared.refs().get(ref), b);
  assert.is(await swap(ledger, b, null), 'won');
  assert.is(shared.refs().has(ref), false);
});

test('a stale claimant that comes after the winner has renewed loses', async () => {
  const { shared, ledger } = await scratchLedger();
  const others = [await participant(shared.path), await participant(shared.path)];
  const [first, renewed] = [await newObject(ledger, 'first'), await newObject(ledger, 'renewed')];
  assert.is(await swap(ledger, null, first), 'won');
  assert.is(await swap(ledger, first, renewed), 'won');
  for (const other of others) {
    await other.shared.obtain([first]);
    const takeover = await newObject(other, 'takeover');
    assert.is(await swap(other, first, takeover), 'lost');
    assert.is(await swap(other, null, takeover), 'lost');
  }
  assert.is(shared.refs().get(ref), renewed);
});

test('a push that was applied without an answer is won', async () => {
  const { shared, ledger } = await scratchLedger();
  const [a, b] = [await newObject(ledger, 'a'), await newObject(ledger, 'b')];
  loseNextReply(shared);
  assert.is(await swap(ledger, null, a), 'won');
  assert.is(shared.marked('lose-reply'), false);
  loseNextReply(shared);
  assert.is(await swap(ledger, a, b), 'won');
  assert.is(shared.marked('lose-reply'), false);
  assert.is(shared.refs().get(ref), b);
});

test('a push that failed without being applied is tried again', async () => {
  const { shared, ledger } = await scratchLedger();
  const a = await newObject(ledger, 'a');
  refuseNextPush(shared);
  assert.is(await swap(ledger, null, a), 'won');
  assert.is(shared.marked('refuse'), false);
  assert.is(shared.refs().get(ref), a);
});

test('an object of mine that arrived late is what is replaced', async () => {
  const { shared, ledger } = await scratchLedger();
  const [a, late, b] = [
    await newObject(ledger, 'a'),
    await newObject(ledger, 'late'),
    await newObject(ledger, 'b'),
  ];
  assert.is(await swap(ledger, null, a), 'won');
  await ledger.shared.push([{ ref, from: a, to: late }]);
  assert.is(await swap(ledger, a, b, [a, late, b]), 'won');
  assert.is(shared.refs().get(ref), b);
});

test('while nothing can be found out the result is unknown', async () => {
  const { shared, ledger } = await scratchLedger();
  const a = await newObject(ledger, 'a');
  shared.hook('pre-receive', 'echo closed; exit 1');
  assert.is(await swap(ledger, null, a, [], 2), 'unknown');
  const errors: unknown[] = [];
  await compareAndSwap(ledger.shared, { ref, from: null, to: a }, new Set(), (attempt, error) => {
    errors.push(error);
    return attempt === 2;
  });
  assert.is(errors.length, 2);
  assert.match(JSON.stringify(errors[0]), /closed/);
});

test('of processes that claim at once exactly one wins', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1');
  const program = fileURLToPath(new URL('racing-claimant.ts', import.meta.url));
  const racers = Array.from({ length: 4 }, (_, index) => {
    const args = ['--import', 'tsx', program, shared.path, 'run-1', 'train', `gpu-${index}`];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    let ready: () => void = () => {};
    const isReady = new Promise<void>((resolve) => {
      ready = resolve;
    });
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
      if (output.includes('ready')) ready();
    });
    const ended = new Promise<string>((resolve) => {
      child.once('close', () => {
        ready();
        resolve(output.trim().split('\n').at(-1) ?? '');
      });
    });
    return { child, isReady, ended };
  });
  await Promise.all(racers.map((racer) => racer.isReady));
  for (const { child } of racers) child.stdin.end();
  const results = await Promise.all(racers.map((racer) => racer.ended));
  assert.equal(results.sort(), ['lost', 'lost', 'lost', 'won']);
});

test('claimants one after another: the first wins', async () => {
  const shared = await scratchShared();
  const first = await participant(shared.path);
  await submit(first, 'run-1');
  const entry = await queued(first, 'run-1');
  const results: string[] = [];
  for (const name of ['gpu-1', 'gpu-2', 'gpu-3']) {
    const ledger = await participant(shared.path, name);
    results.push((await acquireClaim(ledger, entry, claimant(name), null)).result);
  }
  assert.equal(results, ['won', 'lost', 'lost']);
});

test.run();
