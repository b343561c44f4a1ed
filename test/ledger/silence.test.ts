import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { watchSilence } from '../../src/ledger/silence.ts';

const tips = (tip: string) => new Map([['r/j', tip]]);

test('only time between two listings that agree counts: the end of the first, the start of the last', () => {
  const silence = watchSilence();
  assert.is(silence.silentFor('r/j', 'a'), 0);
  silence.observe(tips('a'), 0, 5);
  assert.is(silence.silentFor('r/j', 'a'), 0);
  silence.observe(tips('a'), 20, 30);
  assert.is(silence.silentFor('r/j', 'a'), 15);
  silence.observe(tips('a'), 70, 71);
  assert.is(silence.silentFor('r/j', 'a'), 65);
});

test('a listing that began before the last one had ended proves nothing', () => {
  const silence = watchSilence();
  silence.observe(tips('a'), 0, 50);
  silence.observe(tips('a'), 10, 20);
  assert.is(silence.silentFor('r/j', 'a'), 0);
});

test('a change begins anew, and so does a tip that comes back', () => {
  const silence = watchSilence();
  silence.observe(tips('a'), 0, 0);
  silence.observe(tips('b'), 50, 50);
  assert.is(silence.silentFor('r/j', 'a'), 0);
  assert.is(silence.silentFor('r/j', 'b'), 0);
  silence.observe(tips('a'), 60, 60);
  silence.observe(tips('a'), 70, 70);
  assert.is(silence.silentFor('r/j', 'a'), 10);
});

test('a listing that failed begins everything anew', () => {
  const silence = watchSilence();
  silence.observe(tips('a'), 0, 0);
  silence.observe(tips('a'), 50, 50);
  silence.forget();
  assert.is(silence.silentFor('r/j', 'a'), 0);
  silence.observe(tips('a'), 100, 100);
  assert.is(silence.silentFor('r/j', 'a'), 0);
});

test('a claim that was gone in between begins anew', () => {
  const silence = watchSilence();
  silence.observe(tips('a'), 0, 0);
  silence.observe(new Map(), 30, 30);
  silence.observe(tips('a'), 60, 60);
  silence.observe(tips('a'), 70, 70);
  assert.is(silence.silentFor('r/j', 'a'), 10);
});

test.run();
