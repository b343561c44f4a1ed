// A runner's part in a job for several nodes, as the guard sees it.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { offerNode } from '../../src/ledger/gangs/node-holder.ts';
import { nodeTip } from '../ledger/gangs/sample.ts';
import { jobSpec, participant, queued, type Shared, scratchShared, submit } from '../ledger/support.ts';
import { commit, create, insider, judge, name } from './guarded-repository.ts';

const test = suite<{ shared: Shared }>('a guard and nodes');

test.before.each(async (context) => {
  context.shared = await scratchShared();
});

test('offers, renewals with a log and their end are let in; what is no part of the job is not', async ({
  shared,
}) => {
  const ledger = await participant(shared.path, 'one');
  const eve = await insider(shared);
  await submit(ledger, 'run', [jobSpec('train')]);
  const entry = await queued(ledger, 'run', 'train');
  const claimant = { runner: 'gpu-1', host: 'h', instance: 'i', lease: 60 };
  const holder = await offerNode(ledger, entry, claimant, null);
  assert.ok(holder);
  const ref = name('nodes/run/train/gpu-1');
  const there = shared.refs().get(ref) as string;
  assert.is(await judge(shared, [{ ref, from: null, to: there }]), '');
  await holder.renew({ state: 'running', chunks: [{ at: 1, bytes: Buffer.from('hello\n') }] });
  const renewed = shared.refs().get(ref) as string;
  assert.is(await judge(shared, [{ ref, from: there, to: renewed }]), '');
  assert.is(await judge(shared, [{ ref, from: renewed, to: null }]), '');

  const node = (more: object) => JSON.stringify({ ...holder.claim(), ...more });
  const refused = async (words: RegExp, where: string, files: Record<string, string>) => {
    const said = await judge(shared, [create(name(where), await commit(eve, { files }))]);
    assert.match(said, words);
  };
  await refused(/the part of gpu-1/, 'nodes/run/train/gpu-2', { 'node.json': node({}) });
  await refused(/of the job run\/train/, 'nodes/run/other/gpu-1', { 'node.json': node({}) });
  await refused(/no such job/, 'nodes/other/train/gpu-1', { 'node.json': node({ run: 'other' }) });
  await refused(/which nothing reads/, 'nodes/run/train/gpu-2', {
    'node.json': node({ runner: 'gpu-2' }),
    'record.json': '{}',
  });
  await refused(/damaged/, 'nodes/run/train/gpu-2', { 'node.json': node({ runner: 'gpu-2', rank: 1 }) });
  await refused(/lease is longer/, 'nodes/run/train/gpu-2', {
    'node.json': node({ runner: 'gpu-2', lease: 1e9 }),
  });
  await refused(/no ref of dstack/, 'nodes/run/train', {
    'node.json': JSON.stringify(nodeTip('t', 'a').node),
  });
  const submitter = { user: 'eve', roles: new Set(['submitter'] as const) };
  assert.match(await judge(shared, [{ ref, from: null, to: there }], submitter), /no runner here/);
  await holder.remove();
  assert.is(shared.refs().get(ref), undefined);
  for (const one of [ledger, eve]) one.close();
});

test.run();
