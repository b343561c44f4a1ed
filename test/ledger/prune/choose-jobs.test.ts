import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseJobs } from '../../../src/ledger/prune/choose-jobs.ts';
import type { WholeJob, WholeLedger, WholeRun } from '../../../src/ledger/prune/whole-ledger.ts';

const old = '2026-01-01T00:00:00.000Z';
const young = '2026-06-01T00:00:00.000Z';
const before = Date.parse('2026-03-01');

/** Jobs end with a commit that is called after them. */
function run(name: string, at: string, jobs: Record<string, Partial<WholeJob>>, isAtRest = true): WholeRun {
  return {
    name,
    commit: name,
    submittedAt: Date.parse('2025-12-31'),
    isAtRest,
    jobs: Object.entries(jobs).map(([job, more]) => ({
      name: job,
      commit: `${name}/${job}`,
      finishedAt: at,
      dependsOn: [],
      cachedFrom: null,
      cacheKey: null,
      ...more,
    })),
  };
}

function whole(runs: readonly WholeRun[], more: Partial<WholeLedger> = {}): WholeLedger {
  return {
    runs: new Map(runs.map((one) => [one.name, one])),
    others: [],
    tagged: new Set(),
    pruned: new Map(),
    cache: new Map(),
    ...more,
  };
}

function choose(ledger: WholeLedger): { kept: string[]; prune: string[] } {
  const { kept, prune } = chooseJobs(ledger, before);
  return { kept: [...kept].sort(), prune: [...prune.values()].flat().map(({ commit }) => commit) };
}

test('what is old goes; what is young, has a tag, or has not ended stays', () => {
  const runs = [
    run('old', old, { a: {} }),
    run('tagged', old, { a: {} }),
    run('young', young, { a: {} }),
    run('mixed', old, { a: {}, b: { finishedAt: young } }),
    run('strange', 'in spring', { a: {} }),
    run('live', old, { a: {}, b: { commit: null, finishedAt: null } }, false),
    run('settling', old, { a: {} }, false),
  ];
  assert.equal(choose(whole(runs, { tagged: new Set(['tagged']) })), {
    kept: ['live/a', 'mixed/a', 'mixed/b', 'settling/a', 'strange/a', 'tagged/a', 'young/a'],
    prune: ['old/a'],
  });
});

test('what was submitted lately has not ended long ago, whatever the clock of its runner says', () => {
  const runs = [{ ...run('lately', '2000-01-01T00:00:00.000Z', { a: {} }), submittedAt: Date.parse(young) }];
  assert.equal(choose(whole(runs)), { kept: ['lately/a'], prune: [] });
});

test('what it depends on stays, in whichever run, and all that depends on', () => {
  const runs = [
    run('base', old, { data: {}, other: {} }),
    run('middle', old, { prep: { dependsOn: [{ run: 'base', job: 'data' }] }, train: {} }),
    run('waits', old, { use: { commit: null, dependsOn: [{ run: 'middle', job: 'prep' }] } }, false),
  ];
  assert.equal(choose(whole(runs)), {
    kept: ['base/data', 'middle/prep'],
    prune: ['base/other', 'middle/train'],
  });
});

test('what it has from the cache stays; what a run that goes depends on does not', () => {
  const runs = [
    run('source', old, { prep: { dependsOn: [{ run: null, job: 'data' }] }, data: {}, train: {} }),
    run('young', young, { prep: { cachedFrom: { run: 'source', job: 'prep' } } }),
    run('gone', old, { a: { dependsOn: [{ run: 'source', job: 'train' }] } }),
    run('lost', young, {
      a: {
        dependsOn: [
          { run: 'nowhere', job: 'a' },
          { run: 'young', job: 'x' },
        ],
      },
    }),
  ];
  assert.equal(choose(whole(runs)), {
    kept: ['lost/a', 'source/data', 'source/prep', 'young/prep'],
    prune: ['source/train', 'gone/a'],
  });
});

test('what was given up stays given up, unless somebody wants to keep it', () => {
  const pruned = new Map([
    ['young', new Map([['a', young]])],
    ['tagged', new Map([['a', young]])],
    ['old', new Map([['a', young]])],
  ]);
  const runs = [
    run('young', young, { a: {}, b: {} }),
    run('tagged', old, { a: {} }),
    run('old', old, { a: {}, b: {} }),
  ];
  assert.equal(choose(whole(runs, { pruned, tagged: new Set(['tagged']) })), {
    kept: ['tagged/a', 'young/b'],
    prune: ['old/b'],
  });
});

test('leases, and outcomes of nobody knows what, stay', () => {
  assert.equal(choose(whole([run('old', old, { a: {} })], { others: ['lease', 'lease', 'strange'] })), {
    kept: ['lease', 'strange'],
    prune: ['old/a'],
  });
});

test.run();
