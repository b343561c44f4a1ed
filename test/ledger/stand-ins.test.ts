import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { heldBy, standIn } from '../../src/ledger/stand-ins.ts';

const [tip, commit, tree] = ['a', 'b', 'c'].map((digit) => digit.repeat(40)) as [string, string, string];
const read = (input: ReturnType<typeof standIn>) =>
  heldBy(tip, { message: input.message, parents: input.parents });

test('a stand-in says what it stands for', () => {
  assert.is(read(standIn('d'.repeat(40), { commit, tree }, 0)), commit);
  assert.is(read(standIn('d'.repeat(40), null, 0)), null);
  assert.is(read(standIn(null, null, 0)), null);
});

test('it is built on what was there, and on what it stands for, and looks like that', () => {
  const before = 'd'.repeat(40);
  assert.equal(standIn(before, { commit, tree }, 0).parents, [before, commit]);
  assert.is(standIn(before, { commit, tree }, 0).baseTree, tree);
  assert.equal(standIn(before, null, 0).parents, [before]);
});

test('anything else stands for itself', () => {
  const message = standIn(null, { commit, tree }, 0).message;
  for (const other of [
    'holds nothing any more\n',
    'a run\n\nDstack-Format: 1\nDstack-Run: a\nDstack-Holds: nothing\n',
    message.replace('Dstack-Format: 1', 'Dstack-Format: 2'),
    `${message}x`,
  ]) {
    assert.is(heldBy(tip, { message: other, parents: [commit] }), tip, other);
  }
  // What it names must be there with it.
  assert.is(heldBy(tip, { message, parents: [tree] }), tip);
  assert.is(heldBy(tip, { message, parents: [] }), tip);
});

test.run();
