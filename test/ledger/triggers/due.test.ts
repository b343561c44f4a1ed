import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lastDue, watchSchedules } from '../../../src/ledger/triggers/due.ts';

const at = (text: string) => Date.parse(text);
const entry = (cron: string, more: { timezone?: string; since?: string } = {}) => ({
  workflow: 'nightly',
  cron,
  timezone: 'UTC',
  since: '2026-01-01T00:00:00.000Z',
  ...more,
});
const last = (cron: string, now: string, more = {}) => {
  const time = lastDue(entry(cron, more), at(now));
  return time === null ? null : new Date(time).toISOString().replace('.000Z', 'Z');
};

test('the last time that it was due, of however many', () => {
  assert.is(last('0 3 * * *', '2026-03-01T12:00:00Z'), '2026-03-01T03:00:00Z');
  assert.is(last('0 3 * * *', '2026-03-01T03:00:00Z'), '2026-03-01T03:00:00Z');
  assert.is(last('0 3 * * *', '2026-03-01T02:59:59.999Z'), '2026-02-28T03:00:00Z');
  assert.is(last('* * * * * *', '2026-03-01T12:00:00.500Z'), '2026-03-01T12:00:00Z');
  assert.is(last('*/7 * * * * *', '2026-03-01T12:00:59Z'), '2026-03-01T12:00:56Z');
});

test('what was due more than a day ago, or before it was first seen, is not made up for', () => {
  assert.is(last('0 3 * * 0', '2026-03-02T02:00:00Z'), '2026-03-01T03:00:00Z', 'a Sunday');
  assert.is(last('0 3 * * 0', '2026-03-02T04:00:00Z'), null);
  const since = '2026-03-01T03:00:00.001Z';
  assert.is(last('0 3 * * *', '2026-03-01T12:00:00Z', { since }), null);
  assert.is(last('0 3 * * *', '2026-03-02T03:00:00Z', { since }), '2026-03-02T03:00:00Z');
});

test('time zones, and the hours that are missing or come twice in them', () => {
  const timezone = 'Europe/Berlin';
  assert.is(last('0 3 * * *', '2026-01-10T12:00:00Z', { timezone }), '2026-01-10T02:00:00Z');
  assert.is(last('0 3 * * *', '2026-07-10T12:00:00Z', { timezone }), '2026-07-10T01:00:00Z');
  // On 2026-03-29 there is no 2:30; it is due when that is left out, at 3:00.
  assert.is(last('30 2 * * *', '2026-03-29T12:00:00Z', { timezone }), '2026-03-29T01:00:00Z');
  const times = new Set<string | null>();
  for (let minute = 0; minute < 6 * 60; minute += 10) {
    const now = new Date(at('2026-10-25T00:00:00Z') + minute * 60_000).toISOString();
    times.add(last('30 2 * * *', now, { timezone, since: '2026-10-24T22:00:00.000Z' }));
  }
  times.delete(null);
  assert.is(times.size, 1, 'once on the day on which 2:30 comes twice');
});

test('what can not be read is never due', () => {
  assert.is(last('whatever', '2026-03-01T12:00:00Z'), null);
  assert.is(last('0 3 * * *', '2026-03-01T12:00:00Z', { timezone: 'Mars/Base' }), null);
  assert.is(last('0 3 * * *', '2026-03-01T12:00:00Z', { since: 'once upon a time' }), null);
});

test('each due time is told until it is settled, and only the last one', () => {
  const schedules = watchSchedules();
  const entries = [entry('0 3 * * *', { since: '2026-03-01T00:00:00.000Z' })];
  const look = (now: string) => {
    const { due, dueIn } = schedules.look(entries, at(now));
    return { due: due.map(({ time }) => new Date(time).toISOString().slice(0, 13)), dueIn };
  };
  assert.equal(look('2026-03-01T02:59:00Z'), { due: [], dueIn: 60_000 });
  assert.equal(look('2026-03-01T03:00:00Z').due, ['2026-03-01T03']);
  assert.equal(look('2026-03-01T03:00:15Z').due, ['2026-03-01T03'], 'it has failed, perhaps');
  assert.equal(look('2026-03-02T03:00:15Z').due, ['2026-03-02T03']);
  schedules.settle(schedules.look(entries, at('2026-03-02T03:00:15Z')).due);
  assert.equal(look('2026-03-02T03:00:20Z').due, []);
  assert.equal(look('2026-03-01T03:00:20Z').due, [], 'a clock that is put back is no reason to begin again');
  assert.equal(look('2026-03-03T04:00:00Z').due, ['2026-03-03T03']);
  schedules.settle(schedules.look(entries, at('2026-03-03T04:00:00Z')).due);
  assert.equal(look('2026-03-08T04:00:00Z').due, ['2026-03-08T03']);
  schedules.settle(schedules.look(entries, at('2026-03-08T04:00:00Z')).due);
  assert.equal(look('2026-03-03T05:00:00Z'), { due: [], dueIn: 22 * 3_600_000 });
  assert.equal(look('2026-03-04T03:00:00Z').due, ['2026-03-04T03'], 'a clock that was ahead for a while');
  assert.equal(schedules.look([], at('2026-03-03T04:00:00Z')), { due: [], dueIn: Infinity });
});

test.run();
