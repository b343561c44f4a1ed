import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RefUpdate } from '../../src/git/push.ts';
import { nextGroup, outcomeFor } from '../../src/ledger/group-pushes.ts';

const [a, b] = ['a'.repeat(40), 'b'.repeat(40)];
const request = (...updates: RefUpdate[]) => ({ updates });
const create = (ref: string): RefUpdate => ({ ref, from: null, to: a });
const force = (ref: string): RefUpdate => ({ ref, from: undefined, to: b });
const failure = { code: 'failed', words: 'no', hint: undefined } as const;

test('what is leased goes with what is leased, and no ref twice', () => {
  const waiting = [
    request(create('x'), create('y')),
    request(force('z')),
    request(create('x')),
    request(create('q')),
    request(force('r')),
  ];
  const { together, rest } = nextGroup(waiting);
  assert.equal(together, [waiting[0], waiting[3]]);
  assert.equal(rest, [waiting[1], waiting[2], waiting[4]]);
  assert.equal(nextGroup(rest).together, [waiting[1], waiting[4]]);
});

test('updates of one ref keep their order', () => {
  const waiting = [request(create('x')), request(create('x'), create('y')), request(create('y'))];
  const first = nextGroup(waiting);
  assert.equal(first.together, [waiting[0]]);
  const second = nextGroup(first.rest);
  assert.equal(second.together, [waiting[1]]);
  assert.equal(second.rest, [waiting[2]]);
});

test('a push has only so many refs, but whoever asks for more gets it in one', () => {
  const many = (count: number, name: string) =>
    request(...Array.from({ length: count }, (_, index) => create(`${name}${index}`)));
  const waiting = [many(500, 'a'), many(150, 'b'), many(40, 'c'), many(20, 'd')];
  const first = nextGroup(waiting);
  assert.equal(first.together, [waiting[0]]);
  assert.equal(nextGroup(first.rest).together, [waiting[1], waiting[2]]);
});

test('of a push that has failed in part everybody hears what became of his own refs', () => {
  const done = new Set(['x', 'y']);
  assert.equal(outcomeFor([create('x'), create('y')], { ok: false, failure, done }), { ok: true });
  assert.is(outcomeFor([create('x'), create('z')], { ok: false, failure, done }).ok, false);
  assert.is(outcomeFor([create('x')], { ok: false, failure }).ok, false);
  assert.equal(outcomeFor([create('z')], { ok: true }), { ok: true });
});

test.run();
