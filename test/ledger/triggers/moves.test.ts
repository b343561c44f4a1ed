import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseFile, printFile, seenSchema } from '../../../src/ledger/formats.ts';
import { isName } from '../../../src/ledger/names.ts';
import {
  defaultBranch,
  firstSeen,
  keyOf,
  type Seen,
  withMoves,
  withoutPending,
} from '../../../src/ledger/triggers/moves.ts';
import { nameOfPushed, nameOfScheduled } from '../../../src/ledger/triggers/names.ts';

const main = 'refs/heads/main';
const id = (digit: string | number) => String(digit).repeat(40).slice(0, 40);
const refs = (found: Record<string, string>, head: string | null = main) => ({
  refs: new Map(Object.entries(found)),
  head,
});
const seenAt = '2026-03-01T12:00:00.000Z';
const later = '2026-03-01T13:00:00.000Z';
const nothing: Seen = { refs: {}, pending: [], schedules: null };
const wish = { workflow: 'nightly', cron: '0 3 * * *', timezone: 'UTC' };
const dealt = (seen: Seen, wishes = [wish]) =>
  new Map(seen.pending.map((event) => [keyOf(event), { commit: event.to, wishes }]));

test('the default branch is the one that HEAD names, or a usual one', () => {
  assert.is(defaultBranch(refs({ 'refs/heads/x': id(1), [main]: id(2) }, 'refs/heads/x')), 'refs/heads/x');
  assert.is(defaultBranch(refs({ [main]: id(2) }, 'refs/heads/master')), main);
  assert.is(defaultBranch(refs({ 'refs/heads/master': id(2) }, null)), 'refs/heads/master');
  assert.is(defaultBranch(refs({ 'refs/heads/x': id(2) })), null);
});

test('the first look makes only the schedules of the default branch count', () => {
  const seen = firstSeen(refs({ [main]: id(1), 'refs/heads/x': id(2) }), seenAt);
  assert.equal(seen.refs, { [main]: id(1), 'refs/heads/x': id(2) });
  assert.equal(seen.pending, [{ ref: main, from: null, to: id(1), first: true, seenAt }]);
  assert.equal(firstSeen(refs({}), seenAt), nothing);
});

test('what has moved is pending once, compared with what it was, or with the default branch', () => {
  const first = { ...firstSeen(refs({ [main]: id(1) }), seenAt), pending: [], schedules: null };
  const seen = { ...first, schedules: { ref: main, commit: id(1), entries: [] } };
  const now = refs({ [main]: id(2), 'refs/heads/x': id(3) });
  const next = withMoves(seen, now, [], later) as Seen;
  assert.equal(
    next.pending.map(({ ref, from, to }) => [ref, from, to]),
    [
      [main, id(1), id(2)],
      ['refs/heads/x', id(1), id(3)],
    ],
  );
  assert.is(withMoves(next, now, [], later), null);
});

test('a ref is forgotten only if it is missing twice', () => {
  const seen = { ...nothing, refs: { [main]: id(1), 'refs/heads/x': id(2) } };
  const settled = { ...seen, schedules: { ref: main, commit: id(1), entries: [] } };
  const now = refs({ [main]: id(1) });
  assert.is(withMoves(settled, now, [], later), null);
  assert.equal(withMoves(settled, now, ['refs/heads/x'], later)?.refs, { [main]: id(1) });
  assert.is(withMoves(settled, refs(settled.refs), ['refs/heads/x'], later), null, 'it is there again');
});

test('of very many pushes some are seen later', () => {
  const many = Object.fromEntries(Array.from({ length: 80 }, (_, n) => [`refs/heads/b${n}`, id(1)]));
  const next = withMoves(nothing, refs(many), [], seenAt) as Seen;
  assert.is(next.pending.length, 50);
  assert.is(withMoves(next, refs(many), [], seenAt), null, 'there is no room');
  const rest = withMoves(withoutPending(next, dealt(next), null, later), refs(many), [], later);
  assert.is(rest?.pending.length, 30);
});

test('schedules count from when they were first seen', () => {
  const first = firstSeen(refs({ [main]: id(1) }), seenAt);
  const one = withoutPending(first, dealt(first), main, seenAt);
  assert.equal(one.pending, []);
  assert.equal(one.schedules?.entries, [{ ...wish, since: seenAt }]);
  const moved = withMoves(one, refs({ [main]: id(2) }), [], later) as Seen;
  const other = { ...wish, cron: '0 4 * * *' };
  const two = withoutPending(moved, dealt(moved, [wish, other]), main, later);
  assert.is(two.schedules?.commit, id(2));
  assert.equal(
    two.schedules?.entries.map(({ since }) => since),
    [seenAt, later],
  );
  const gone = withoutPending(
    moved,
    new Map(moved.pending.map((event) => [keyOf(event), null])),
    main,
    later,
  );
  assert.equal([gone.pending, gone.schedules], [[], one.schedules], 'a commit that is gone says nothing');
});

test('another branch becomes the default one', () => {
  const seen = {
    refs: { [main]: id(1), 'refs/heads/next': id(2) },
    pending: [],
    schedules: { ref: main, commit: id(1), entries: [{ ...wish, since: seenAt }] },
  };
  const now = refs({ ...seen.refs, 'refs/heads/x': id(3) }, 'refs/heads/next');
  const next = withMoves(seen, now, [], later) as Seen;
  assert.equal(
    next.pending.map(({ ref, first }) => [ref, first]),
    [
      ['refs/heads/x', false],
      ['refs/heads/next', true],
    ],
  );
  const settled = withoutPending(next, dealt(next), 'refs/heads/next', later);
  assert.equal(settled.schedules, {
    ref: 'refs/heads/next',
    commit: id(2),
    entries: [{ ...wish, since: seenAt }],
  });
});

test('names are legal, and the same for the same only', () => {
  for (const workflow of ['train', 'a'.repeat(64), `${'a'.repeat(31)}.b`, 'a_-b']) {
    assert.ok(isName(nameOfPushed(workflow, main, id(1))), workflow);
    assert.ok(isName(nameOfScheduled(workflow, Date.parse(seenAt))), workflow);
  }
  assert.match(nameOfPushed('train', main, id(1)), /^train-1{10}-[2-9a-z]{6}$/);
  assert.match(nameOfScheduled('train', Date.parse(seenAt)), /^train-20260301t120000-[2-9a-z]{6}$/);
  const names = [
    nameOfPushed('train', main, id(1)),
    nameOfPushed('train', 'refs/heads/x', id(1)),
    nameOfPushed('train', main, `${id(1).slice(1)}2`),
    nameOfPushed(`${'a'.repeat(40)}b`, main, id(1)),
    nameOfPushed(`${'a'.repeat(40)}c`, main, id(1)),
    nameOfScheduled('train', Date.parse(seenAt)),
    nameOfScheduled('train', Date.parse(later)),
  ];
  assert.is(new Set(names).size, names.length);
  assert.is(nameOfPushed('train', main, id(1)), names[0]);
});

test('a time of which no commit can be made is damage, told at once instead of failing at every look', () => {
  const read = (seenAt: string) => {
    const pending = [{ ref: main, from: null, to: id(1), first: false, seenAt }];
    const seen = { format: 1, nonce: 'n', refs: {}, pending, schedules: null };
    return parseFile(seenSchema, 'seen.json', Buffer.from(printFile(seen))).pending.length;
  };
  assert.is(read(seenAt), 1);
  for (const wrong of ['whenever', '', '1815-12-10T00:00:00.000Z', '+275760-09-12T00:00:00.000Z'])
    assert.throws(() => read(wrong), /not a time/);
});

test.run();
