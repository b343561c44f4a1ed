// Everything a ledger does, on a host that takes only branches and tags, and lets nobody rewind or delete them.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { acquireClaim } from '../../src/ledger/claims.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openLiveReader } from '../../src/ledger/live.ts';
import { readLog } from '../../src/ledger/log-chunks.ts';
import { prepareRun } from '../../src/ledger/prepare-run.ts';
import { openStateReader } from '../../src/ledger/read-state.ts';
import { findCard, putUpCard } from '../../src/ledger/runner-cards.ts';
import { settle } from '../../src/ledger/settle.ts';
import { requestStop, seeStopsThrough } from '../../src/ledger/stop.ts';
import { listTags, setTag } from '../../src/ledger/tags.ts';
import { serve } from './git-daemon.ts';
import {
  chunk,
  claim,
  claimant,
  done,
  finish,
  guard,
  jobSpec,
  participant,
  queued,
  runRequest,
  type Shared,
  scratchGuarded,
  scratchShared,
  submit,
} from './support.ts';

const layout = { refPrefix: 'refs/heads/dstack' };

interface Host {
  readonly shared: Shared;
  participant(): Promise<Ledger>;
  stop(): Promise<void>;
}

async function guardedFolder(): Promise<Host> {
  const shared = await scratchGuarded();
  return { shared, participant: () => participant(shared.path, 'tester', layout), stop: async () => {} };
}

async function guardedUrl(): Promise<Host> {
  const shared = await scratchGuarded();
  const daemon = await serve(shared.path);
  return { shared, participant: () => participant(daemon.url, 'tester', layout), stop: () => daemon.stop() };
}

/** What an area holds for a newcomer, without the prefix. */
async function held(host: Host, ...areas: Parameters<Ledger['names']['area']>[0][]): Promise<string[]> {
  const { shared, names } = await host.participant();
  const refs = await shared.list(areas.map((area) => names.area(area)));
  return [...refs.keys()].map((ref) => ref.slice(names.prefix.length + 1));
}

async function logOf({ shared }: Ledger, commit: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const { bytes } of readLog(shared, commit, 0, null)) pieces.push(bytes);
  return Buffer.concat(pieces).toString();
}

for (const [kind, open] of [
  ['a folder', guardedFolder],
  ['a URL', guardedUrl],
] as const) {
  test(`${kind}: a job goes its whole way, is taken over on it, and what has gone there goes here`, async () => {
    const host = await open();
    const [submitter, runner] = [await host.participant(), await host.participant()];
    const cacheKey = 'e'.repeat(64);
    const { commit } = await submit(submitter, 'run-1', [], {
      jobs: [{ spec: jobSpec('train'), cacheKey, useCache: true }],
    });
    const entry = await queued(runner, 'run-1');
    const first = await claim(runner, entry);
    for (const text of ['one\n', 'two\n']) assert.is(await first.renew({ chunks: [chunk(text)] }), 'won');
    assert.is(await first.renew(), 'won');
    assert.is(await first.renew({ state: 'running' }), 'won');
    assert.is((await acquireClaim(submitter, entry, claimant('gpu-2'), null)).result, 'lost');
    assert.is((await openStateReader(submitter).read()).runs[0]?.jobs[0]?.state, 'running');

    const other = await host.participant();
    const tip = (await openLiveReader(other).look()).claims.get('run-1/train');
    assert.is(tip?.commit, first.tip());
    if (tip?.kind !== 'claim') throw new Error('there is no claim');
    const second = await claim(other, entry, claimant('gpu-2'), tip);
    assert.is(await first.renew(), 'lost');
    assert.is(await second.renew({ chunks: [chunk('three\n')] }), 'won');
    const finished = await finish(second, done);
    assert.ok(await settle(other, [finished]));
    assert.ok(await settle(await host.participant(), [finished]));

    assert.equal(await held(host, 'queue', 'claims', 'stops'), []);
    assert.equal(await held(host, 'runs', 'jobs', 'cache'), [
      `cache/${cacheKey}`,
      'jobs/run-1/train',
      'runs/run-1',
    ]);
    const refs = host.shared.refs();
    // History is what it is everywhere, for plain Git: no stand-ins there.
    assert.is(refs.get('refs/heads/dstack/runs/run-1'), commit);
    assert.is(refs.get('refs/heads/dstack/jobs/run-1/train'), finished.commit);
    assert.is(await logOf(other, finished.commit), 'one\ntwo\nthree\n');
    const notes = host.shared.git('show', 'refs/heads/dstack/notes/run-1/train');
    assert.match(notes, /train \(done\)/);
    const { runs } = await openStateReader(await host.participant()).read();
    assert.equal(
      runs.map(({ name, state }) => [name, state]),
      [['run-1', 'done']],
    );

    // The last one of a key is the one that counts.
    await submit(submitter, 'run-2', [], { jobs: [{ spec: jobSpec('train'), cacheKey, useCache: false }] });
    const again = await finish(await claim(runner, await queued(runner, 'run-2')));
    assert.ok(await settle(runner, [again]));
    const { shared, names } = await host.participant();
    assert.is((await shared.list([names.area('cache')])).get(names.cache(cacheKey)), again.commit);
    await host.stop();
  });

  test(`${kind}: what was given back, stopped, untagged or taken down is gone, and can come again`, async () => {
    const host = await open();
    const ledger = await host.participant();
    const { commit } = await submit(ledger, 'run-1');
    const entry = await queued(ledger, 'run-1');
    for (const name of ['gpu-1', 'gpu-2', 'gpu-1']) {
      const runner = await host.participant();
      const holder = await claim(runner, await queued(runner, 'run-1'), claimant(name));
      assert.equal(await held(host, 'claims'), ['claims/run-1/train']);
      assert.is(await holder.renew({ chunks: [chunk(`${name}\n`)] }), 'won');
      await holder.withdraw();
      assert.equal(await held(host, 'claims'), []);
    }
    for (const by of ['Ada', 'Bob']) {
      const asked = await requestStop(ledger, [{ id: entry.id, queueEntry: entry.commit }], {
        abort: by === 'Bob',
        by,
      });
      assert.is(asked.length, 1);
      assert.equal(await held(host, 'stops'), ['stops/run-1/train']);
    }
    const other = await host.participant();
    await seeStopsThrough(
      other,
      [{ id: entry.id, queueEntry: entry.commit }],
      claimant('dstack-stop'),
      async () => {},
      () => {},
    );
    assert.equal(await held(host, 'queue', 'claims', 'stops'), []);
    assert.is((await openStateReader(other).read()).runs[0]?.state, 'aborted');

    for (const _ of [1, 2]) {
      const tagger = await host.participant();
      await openStateReader(tagger).read();
      await setTag(tagger, 'best', commit);
      assert.is((await listTags(await host.participant())).get('best')?.commit, commit);
      await setTag(await host.participant(), 'best', null);
      assert.is((await listTags(await host.participant())).size, 0);
    }

    const card = {
      name: 'gpu-1',
      host: 'gpu-1.lab',
      instance: 'a',
      pid: 1,
      executor: 'process',
      machine: { cpu: 8, memory: 2 ** 36, gpus: [] },
      concurrency: 1,
      version: '0',
      labels: {},
      jobs: [],
      startedAt: '2026-03-01T12:00:00.000Z',
      heartbeat: 20,
      draining: false,
      waiting: null,
    };
    for (const _ of [1, 2]) {
      const runner = await host.participant();
      assert.is(await findCard(runner, 'gpu-1'), null);
      const up = await putUpCard(runner, card, null);
      assert.is(await up.update({ ...card, draining: true }), 'ok');
      assert.is((await findCard(await host.participant(), 'gpu-1'))?.card?.draining, true);
      await up.remove();
    }
    await host.stop();
  });

  test(`${kind}: a name whose submission was taken back can be submitted again`, async () => {
    const host = await open();
    const ledger = await host.participant();
    const prepared = await prepareRun(ledger, runRequest(ledger, 'run-1', [jobSpec('train')]));
    const entries = prepared.updates.slice(0, 1);
    await ledger.shared.push(entries);
    assert.ok((await ledger.shared.push(entries.map(({ ref, to }) => ({ ref, from: to, to: null })))).ok);
    assert.equal(await held(host, 'queue'), []);
    // Somebody who has never seen the tombstone.
    const other = await host.participant();
    const again = await submit(other, 'run-1', [jobSpec('train')], { reason: 'again' });
    assert.is((await queued(await host.participant(), 'run-1')).runCommit, again.commit);
    await finish(await claim(ledger, await queued(ledger, 'run-1')));
    await host.stop();
  });
}

test('exactly one of many wins a claim, above a tombstone, too', async () => {
  const host = await guardedFolder();
  const runners = await Promise.all([1, 2, 3].map(() => host.participant()));
  await submit(runners[0] as Ledger, 'run-1');
  for (const _ of [1, 2]) {
    const tried = await Promise.all(
      runners.map(async (runner, index) =>
        acquireClaim(runner, await queued(runner, 'run-1'), claimant(`gpu-${index}`), null),
      ),
    );
    const won = tried.flatMap((one) => (one.result === 'won' ? [one.holder] : []));
    assert.is(won.length, 1);
    await won[0]?.withdraw();
  }
});

test('a host that allows one of the two is asked for it', async () => {
  for (const allowed of ['rewind', 'delete'] as const) {
    const shared = await scratchShared();
    guard(shared);
    const key = allowed === 'rewind' ? 'denyNonFastForwards' : 'denyDeletes';
    shared.git('config', `receive.${key}`, 'false');
    const ledger = await participant(shared.path, 'tester', { ...layout, host: { [allowed]: true } });
    await submit(ledger, 'run-1');
    const ref = 'refs/heads/dstack/claims/run-1/train';
    for (const _ of [1, 2]) {
      const holder = await claim(ledger, await queued(ledger, 'run-1'));
      await holder.renew();
      await holder.renew();
      // Replaced, or built upon.
      assert.is(shared.refs().get(ref) === holder.tip(), allowed === 'rewind');
      await holder.withdraw();
      assert.is(shared.refs().has(ref), allowed === 'rewind');
      assert.is((await ledger.shared.list([ref])).size, 0);
    }
    await settle(ledger, [await finish(await claim(ledger, await queued(ledger, 'run-1')))]);
    assert.is((await openStateReader(ledger).read()).runs[0]?.state, 'done');
  }
});

test('whoever knows nothing of the host reads what stands there, and is told that he may not change it', async () => {
  const host = await guardedFolder();
  const ledger = await host.participant();
  await submit(ledger, 'run-1');
  const holder = await claim(ledger, await queued(ledger, 'run-1'));
  for (const _ of [1, 2]) await holder.renew();
  const other = await participant(host.shared.path, 'other', {
    ...layout,
    host: { rewind: true, delete: true },
  });
  const tip = (await openLiveReader(other).look()).claims.get('run-1/train');
  assert.is(tip?.commit, holder.tip());
  const outcome = await other.shared.push([
    { ref: other.names.job('claims', holder.id), from: holder.tip(), to: null },
  ]);
  assert.is(outcome.ok, false);
  if (!outcome.ok) assert.match(outcome.failure.words, /deletion prohibited|denying ref deletion/);
});

test('nothing that merely looks like a stand-in is one', async () => {
  const host = await guardedFolder();
  const ledger = await host.participant();
  const { commit } = await submit(ledger, 'run-1');
  const [forged] = await ledger.shared.write([
    {
      parents: [],
      files: [],
      message: `holds ${commit}\n\nDstack-Format: 1\nDstack-Holds: ${commit}\n`,
      author: { name: 'a', email: 'b', time: 0 },
    },
  ]);
  const ref = ledger.names.tag('best');
  await ledger.shared.push([{ ref, from: null, to: forged as string }]);
  assert.is((await (await host.participant()).shared.list([ref])).get(ref), forged);
});

test('a branch named as the prefix is left alone, and told of with what to do', async () => {
  for (const [prefix, branch] of [
    ['refs/heads/dstack', 'dstack'],
    ['refs/heads/team/dstack', 'team'],
  ] as const) {
    for (const url of [false, true]) {
      const shared = await scratchGuarded();
      const daemon = url ? await serve(shared.path) : null;
      const ledger = await participant(daemon?.url ?? shared.path, 'tester', { refPrefix: prefix });
      const [commit] = await ledger.shared.write([
        { parents: [], files: [], message: 'mine', author: { name: 'a', email: 'b', time: 0 } },
      ]);
      await ledger.shared.push([{ ref: `refs/heads/${branch}`, from: null, to: commit as string }]);
      const before = shared.refs();
      try {
        await submit(ledger, 'run-1');
        assert.unreachable();
      } catch (error) {
        const { code, message, hint } = error as { code: string; message: string; hint: string };
        assert.is(code, 'ref-in-the-way', message);
        assert.match(message, `has a branch named ${branch}`);
        assert.match(hint, 'refPrefix');
      }
      assert.equal(shared.refs(), before);
      await daemon?.stop();
    }
  }
});

test.run();
