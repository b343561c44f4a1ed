import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultRequirements } from '../../src/language/job-spec.ts';
import type { ClaimFile } from '../../src/ledger/formats.ts';
import type { ClaimTip } from '../../src/ledger/live.ts';
import { mayFollow, mayRetry, pauseAfter, untilNextRetry } from '../../src/ledger/retries.ts';
import { sampleClaim } from './support.ts';

test('a job that says nothing survives the loss of two runners, and fails by itself once', () => {
  assert.ok(mayRetry(defaultRequirements, { attempt: 2 }, 'runner-lost'));
  assert.not(mayRetry(defaultRequirements, { attempt: 3 }, 'runner-lost'));
  for (const why of ['exit', 'out-of-memory', 'timeout'] as const)
    assert.not(mayRetry(defaultRequirements, { attempt: 1 }, why));
});

test('a limit of 0 means one attempt', () => {
  assert.not(mayRetry({ retry: { limit: 0, on: ['exit'] } }, { attempt: 1 }, 'exit'));
  assert.ok(mayRetry({ retry: { limit: 1, on: ['exit'] } }, { attempt: 1 }, 'exit'));
});

test('a lease that ran out is the loss of its runner, a claim that waits is not', () => {
  const spec = { retry: { limit: 1, on: ['exit' as const] } };
  assert.not(mayFollow(spec, sampleClaim({ state: 'running' })));
  assert.ok(mayFollow(spec, sampleClaim({ state: 'waiting' })));
  assert.not(mayFollow(spec, sampleClaim({ state: 'waiting', attempt: 2 })));
});

test('attempts that were given back do not count', () => {
  const spec = { retry: { limit: 1, on: ['exit' as const, 'runner-lost' as const] } };
  assert.ok(mayRetry(spec, { attempt: 4, givenBack: 3 }, 'exit'));
  assert.not(mayRetry(spec, { attempt: 4, givenBack: 2 }, 'exit'));
  assert.ok(mayFollow(spec, sampleClaim({ state: 'waiting', attempt: 9, givenBack: 9 })));
  assert.not(mayFollow(spec, sampleClaim({ state: 'running', attempt: 9, givenBack: 7 })));
});

test('pauses grow, and differ by chance, up to a limit', () => {
  const middle = [1, 2, 3, 4].map((attempt) => pauseAfter(attempt, () => 0.5));
  assert.equal(middle, [1, 2, 4, 8]);
  assert.is(
    pauseAfter(1, () => 0),
    0.5,
  );
  assert.is(
    pauseAfter(100, () => 0.5),
    300,
  );
  assert.ok(pauseAfter(100, Math.random) <= 450);
});

test('a pause that goes on is waited for, one that is over is no reason to look again and again', () => {
  const tip = (commit: string, more: Partial<ClaimFile>): ClaimTip => ({
    kind: 'claim',
    commit,
    claim: sampleClaim(more),
  });
  const over = tip('over', { state: 'waiting', lease: 2 });
  const short = tip('short', { state: 'waiting', lease: 8 });
  const claims = (tips: ClaimTip[]) => new Map(tips.map((one) => [one.commit, one]));
  const silence = { silentFor: () => 5 };
  assert.is(untilNextRetry(claims([over, short, tip('held', { state: 'running', lease: 6 })]), silence), 3);
  assert.is(untilNextRetry(claims([over]), silence), Number.POSITIVE_INFINITY);
  assert.is(untilNextRetry(new Map(), silence), Number.POSITIVE_INFINITY);
});

test.run();
