import { uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClaimFile } from '../../src/ledger/formats.ts';
import { keepLease, leaseAction } from '../../src/runner/lease-keeper.ts';

test('what to do follows from the age of the lease', () => {
  assert.equal(
    [0, 19, 20, 44, 45, 60, 1e9].map((age) => leaseAction(age, 60)),
    ['nothing', 'nothing', 'renew', 'renew', 'freeze', 'freeze', 'freeze'],
  );
});

/** A holder whose renewals have the outcome that a test sets. */
function start(lease: number, result: () => 'won' | 'lost' | 'unknown') {
  const events: string[] = [];
  let acknowledged = uptime();
  const note = (event: string) => () => void events.push(event);
  const keeper = keepLease(
    {
      claim: () => ({ lease }) as ClaimFile,
      acknowledgedAt: () => acknowledged,
      async renew() {
        const outcome = result();
        events.push(outcome);
        if (outcome === 'won') acknowledged = uptime();
        return outcome;
      },
    },
    { freeze: note('freeze'), thaw: note('thaw'), lost: note('lost-event') },
  );
  const seen = async (event: string) => {
    for (let tries = 0; tries < 2_000 && !events.includes(event); tries += 1) await sleep(10);
    assert.ok(events.includes(event), `${event} in ${events.join(', ')}`);
  };
  return { events, keeper, seen };
}

test('a lease is renewed again and again, and nothing else happens', async () => {
  const { events, keeper } = start(0.9, () => 'won');
  for (let tries = 0; tries < 2_000 && events.length < 2; tries += 1) await sleep(10);
  keeper.stop();
  assert.equal(events.slice(0, 2), ['won', 'won']);
});

test('out of contact the job is frozen once, and thawed once when the lease is renewed', async () => {
  let result: 'won' | 'unknown' = 'unknown';
  const { events, keeper, seen } = start(0.3, () => result);
  await seen('freeze');
  result = 'won';
  await seen('thaw');
  keeper.stop();
  assert.is(events[0], 'unknown');
  const changes = events.filter((event) => event === 'freeze' || event === 'thaw');
  assert.equal(changes.slice(0, 2), ['freeze', 'thaw']);
});

test('a lease that has run out before it is kept is frozen at once', () => {
  const events: string[] = [];
  const note = (event: string) => () => void events.push(event);
  const holder = { claim: () => ({ lease: 60 }) as ClaimFile, acknowledgedAt: () => uptime() - 60 };
  const keeper = keepLease(
    { ...holder, renew: () => new Promise(() => {}) },
    { freeze: note('freeze'), thaw: note('thaw'), lost: note('lost') },
  );
  keeper.stop();
  assert.equal(events, ['freeze']);
});

test('an outage is not met with a storm of renewals', async () => {
  let renewals = 0;
  const { events, keeper, seen } = start(1.2, () => {
    renewals += 1;
    return 'unknown';
  });
  await seen('freeze');
  keeper.stop();
  // One a tick, of which there are twelve in a lease.
  assert.ok(renewals <= 12, `${renewals}: ${events.join(', ')}`);
});

test('a lost lease is told once and is the end', async () => {
  const { events, keeper, seen } = start(0.3, () => 'lost');
  await seen('lost-event');
  await sleep(200);
  keeper.stop();
  assert.is(events.filter((event) => event === 'lost-event').length, 1);
  assert.is(events.filter((event) => event === 'lost').length, 1);
});

test.run();
