import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { silenceAfter } from '../../src/host/github-limits.ts';

const date = 'Wed, 25 Nov 2026 05:00:00 GMT';
const reset = (seconds: number) => String(Date.parse(date) / 1000 + seconds);
const after = (status: number, headers: Record<string, string>, message = '', before = 0) =>
  silenceAfter({ status, headers, message }, before);

test('Retry-After counts before all else', () => {
  const headers = {
    'retry-after': '30',
    'x-ratelimit-remaining': '0',
    'x-ratelimit-reset': reset(600),
    date,
  };
  assert.is(after(403, headers), 30_000);
  assert.is(after(429, { 'retry-after': '0' }), 0);
  assert.is(after(429, { 'retry-after': '999999999' }), 3_600_000);
});

test("with nothing remaining, until the reset by the server's clock; also when the last one was still answered", () => {
  const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset(600), date };
  for (const status of [200, 304, 403, 429]) assert.is(after(status, headers), 600_000);
  assert.is(after(403, { ...headers, 'x-ratelimit-reset': reset(-5) }), 1_000);
  assert.is(after(200, { ...headers, 'x-ratelimit-remaining': '1' }), null);
  assert.is(after(404, headers), null);
});

test('a secondary limit without any time: a minute, then twice as long each time, an hour at most', () => {
  const message = 'You have exceeded a secondary rate limit.';
  assert.is(after(403, {}, message), 60_000);
  assert.is(after(403, {}, message, 1), 120_000);
  assert.is(after(429, {}, 'Too many', 2), 240_000);
  assert.is(after(403, {}, message, 50), 3_600_000);
});

test('what is forbidden for another reason is no limit', () => {
  assert.is(after(403, { 'x-ratelimit-remaining': '4000' }, 'Resource not accessible by integration'), null);
  assert.is(after(500, { 'retry-after': '30' }), null);
  assert.is(after(403, { 'retry-after': 'soon' }, 'no'), null);
});

test.run();
