import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { circuitBreaker } from '../../src/git/circuit-breaker.ts';
import type { TransferFailure } from '../../src/git/transfer-failure.ts';

const failure = (code: TransferFailure['code']): TransferFailure => ({ code, words: code, hint: undefined });

/** A host that answers after 100 ms as a test says, and time that passes by itself. */
function host(answer: (now: number) => TransferFailure | null) {
  let now = 0;
  const timers: { at: number; act: () => void }[] = [];
  const after = (milliseconds: number, act: () => void) => {
    const timer = { at: now + milliseconds, act };
    timers.push(timer);
    return () => {
      if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
    };
  };
  const sleep = (milliseconds: number) => new Promise<void>((resolve) => after(milliseconds, resolve));
  const breaker = circuitBreaker({ now: () => now, after, random: () => 0.5 });
  const requests: number[] = [];
  let underWay = 0;
  let mostAtOnce = 0;
  return {
    requests,
    mostAtOnce: () => mostAtOnce,
    call: (patience?: number) =>
      breaker.call(async () => {
        requests.push(now);
        underWay += 1;
        mostAtOnce = Math.max(mostAtOnce, underWay);
        await sleep(100);
        underWay -= 1;
        return answer(now);
      }, patience),
    now: () => now,
    sleep,
    async run(until: number) {
      for (;;) {
        // Whatever the last timer has set off comes to its end first.
        await new Promise((resolve) => setImmediate(resolve));
        timers.sort((a, b) => a.at - b.at);
        const next = timers[0];
        if (!next || next.at > until) break;
        timers.shift();
        now = Math.max(now, next.at);
        next.act();
      }
      now = until;
    },
  };
}

type Host = ReturnType<typeof host>;

/** Calls again and again, as who renews or looks does. */
async function keepCalling({ call, sleep, now }: Host, until: number, patience?: number) {
  const answers: (TransferFailure | null)[] = [];
  while (now() < until) {
    answers.push(await call(patience));
    await sleep(1_000);
  }
  return answers;
}

const minute = 60_000;

for (const [code, few] of [
  ['busy', 24],
  ['unreachable', 85],
] as const) {
  test(`${code}: a hundred callers send no more than one would`, async () => {
    const counts: number[] = [];
    for (const callers of [1, 100]) {
      const its = host(() => failure(code));
      for (let caller = 0; caller < callers; caller += 1) void keepCalling(its, 10 * minute);
      await its.run(10 * minute);
      // All may be under way before the first answer is there.
      counts.push(its.requests.filter((at) => at > 100).length);
    }
    const [one = 0, hundred = 0] = counts;
    assert.ok(one >= 10 && one <= few, `${one}`);
    assert.ok(hundred >= 10 && hundred <= few, `${hundred}`);
  });
}

test('what must be tried in time is, but not by each of them', async () => {
  const its = host(() => failure('busy'));
  for (let caller = 0; caller < 20; caller += 1) void keepCalling(its, 10 * minute, 10_000);
  await its.run(10 * minute);
  const later = its.requests.filter((at) => at > 100);
  // At least once in a patience and a call, and no more often for there being many.
  later.slice(1).forEach((at, index) => {
    assert.ok(at - (later[index] as number) <= 22_000, `${at}`);
  });
  assert.ok(later.length <= 10 * 6 + 6, `${later.length}`);
});

test('once the host is back all go on, the first of them one at a time', async () => {
  const its = host((now) => (now < 5 * minute ? failure('busy') : null));
  const callers = Array.from({ length: 50 }, () => keepCalling(its, 8 * minute));
  await its.run(9 * minute);
  for (const answers of await Promise.all(callers)) assert.is(answers.at(-1), null);
  const first = its.requests.filter((at) => at >= 5 * minute).slice(0, 3);
  assert.ok((first[1] as number) - (first[0] as number) >= 100);
  assert.ok((first[2] as number) - (first[1] as number) >= 100);
});

test('a call that fails unsent says so, in the words of the failure that it was spared', async () => {
  const its = host(() => failure('busy'));
  const answers = keepCalling(its, 4 * minute);
  await its.run(5 * minute);
  const unsent = (await answers).filter((answer) => answer?.notSent);
  assert.ok(unsent.length > 0);
  assert.is(unsent[0]?.words, 'busy');
});

test('a refusal is an answer: nobody is held up by it', async () => {
  const its = host(() => failure('refused-by-hook'));
  const calls = [its.call(), its.call()];
  await its.run(1_000);
  await Promise.all(calls);
  calls.push(its.call());
  await its.run(2_000);
  assert.is((await calls[2])?.notSent, undefined);
  assert.equal(its.requests, [0, 0, 1_000]);
});

test.run();
