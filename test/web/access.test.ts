import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasToken, isOwnHost, newToken } from '../../src/web/access.ts';

test('a token is long enough not to be guessed, and another one each time', () => {
  const tokens = Array.from({ length: 20 }, newToken);
  assert.is(new Set(tokens).size, 20);
  for (const token of tokens) assert.ok(Buffer.from(token, 'base64url').length >= 16);
});

test('only the whole token lets in, and only as a header of its own', () => {
  const token = newToken();
  assert.ok(hasToken({ authorization: `Bearer ${token}` }, token));
  for (const authorization of [
    undefined,
    '',
    token,
    'Bearer',
    'Bearer ',
    `Basic ${token}`,
    `Bearer ${token}x`,
    `Bearer ${token.slice(0, -1)}`,
    `Bearer ${token} `,
    `bearer ${token}`,
  ])
    assert.not(hasToken({ authorization }, token), String(authorization));
  assert.not(hasToken({ cookie: token }, token));
});

test('a name that leads here is not this machine’s own', () => {
  assert.ok(isOwnHost('127.0.0.1:4000', 4000));
  assert.ok(isOwnHost('localhost:4000', 4000));
  assert.ok(isOwnHost('127.0.0.1', 80));
  assert.not(isOwnHost('evil.example', 80));
  for (const host of [
    undefined,
    '',
    '127.0.0.1',
    '127.0.0.1:4001',
    'evil.example:4000',
    '127.0.0.1:4000.evil.example',
    'localhost:4000@evil',
  ])
    assert.not(isOwnHost(host, 4000), String(host));
});

test.run();
