import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClaimFile } from '../../../src/ledger/formats.ts';
import { fateOf, memberState } from '../../../src/ledger/gangs/fate.ts';
import type { NodeFile } from '../../../src/ledger/gangs/formats.ts';
import type { ClaimTip } from '../../../src/ledger/live.ts';
import { sampleClaim, sampleRecord } from '../support.ts';
import { gangEntry, nodesByKey, nodeTip, sampleGang } from './sample.ts';

const entry = gangEntry('train', 2);
const { node } = nodeTip('train', 'b');

interface Scene {
  claim?: Partial<ClaimFile> | 'finished';
  queued?: boolean;
  /** Seconds for which the claim has stood still. */
  silent?: number;
}

function fate(gang: string | null, { claim, queued = true, silent = 0 }: Scene) {
  const tip: ClaimTip | null =
    claim === undefined
      ? null
      : claim === 'finished'
        ? { kind: 'finished', commit: 'c', record: sampleRecord({ run: 'r' }) }
        : { kind: 'claim', commit: 'c', claim: sampleClaim({ run: 'r', ...claim }) };
  return fateOf(node, gang, {
    live: {
      queue: new Map(queued ? [['r/train', entry]] : []),
      claims: new Map(tip ? [['r/train', tip]] : []),
      nodes: new Map(),
    },
    silence: { silentFor: () => silent },
  });
}

test('an offer waits, joins a gang that counts on it, and goes with the job', () => {
  assert.is(fate(null, {}), 'waits');
  assert.is(fate(null, { claim: { gang: sampleGang(['b']) } }), 'joins');
  assert.is(fate(null, { claim: { gang: sampleGang(['c']) } }), 'waits');
  assert.is(fate(null, { claim: { gang: sampleGang(['b'], { phase: 'ending' }) } }), 'waits');
  assert.is(fate(null, { claim: { gang: sampleGang(['b']) }, silent: 60 }), 'waits');
  assert.is(fate(null, { claim: 'finished' }), 'over');
  assert.is(fate(null, { queued: false }), 'unseen');
});

test('a node begins with the others, and ends with them', () => {
  assert.is(fate('g', { claim: { gang: sampleGang(['b']) } }), 'waits');
  assert.is(fate('g', { claim: { gang: sampleGang(['b'], { phase: 'begun' }) } }), 'begins');
  assert.is(fate('g', { claim: { gang: sampleGang(['b'], { phase: 'ending' }) } }), 'over');
  assert.is(fate('g', { claim: { gang: sampleGang(['b'], { id: 'other' }) } }), 'over');
  assert.is(fate('g', { claim: { state: 'waiting' } }), 'over');
  assert.is(fate('g', { claim: { gang: sampleGang(['b'], { phase: 'begun' }) }, silent: 60 }), 'over');
  assert.is(fate('g', { claim: 'finished' }), 'over');
  assert.is(fate('g', {}), 'unseen');
});

function state(more: Partial<NodeFile> | null, silent = 0) {
  const gang = sampleGang(['b']);
  const nodes = more === null ? new Map() : nodesByKey(nodeTip('train', 'b', more));
  const [member] = gang.members;
  return memberState(gang, member as NonNullable<typeof member>, 'r/train', {
    live: { queue: new Map(), claims: new Map(), nodes },
    silence: { silentFor: () => silent },
  });
}

test('the node of rank 0 sees how the others are', () => {
  assert.is(state(null), 'unseen');
  assert.is(state({ offer: 'a later one' }), 'unseen');
  assert.is(state({}), 'called');
  assert.is(state({ gang: 'g', state: 'joined' }), 'joined');
  assert.is(state({ gang: 'g', state: 'ready' }), 'ready');
  assert.is(state({ gang: 'g', state: 'running' }), 'computes');
  assert.is(state({ gang: 'g', state: 'running' }, 60), 'silent');
  assert.is(state({ gang: 'g', state: 'ended' }, 60), 'ended');
  assert.is(state({ gang: 'former', state: 'ended' }), 'called');
});

test.run();
