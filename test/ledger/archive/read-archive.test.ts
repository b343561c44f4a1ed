import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { GitObject } from '../../../src/git/object-reader.ts';
import { runPath } from '../../../src/ledger/archive/archived-run.ts';
import { openArchive } from '../../../src/ledger/archive/read-archive.ts';
import { refNames } from '../../../src/ledger/refs.ts';
import { sampleRun } from '../../tui/sample-state.ts';

const tips = new Map(['000001', '000002', '000003'].map((shard, at) => [shard, String(at + 1).repeat(40)]));

function archiveOf(read: (name: string) => Promise<GitObject | null>) {
  const list = async () => new Map<string, string>();
  return openArchive({ list, read, local: { objectFormat: 'sha1' } }, refNames());
}

/** What the index at a commit says of a run. */
function said(commit: string, run: string): GitObject {
  const view = { ...sampleRun(run, []), commit };
  const { name, workflow, variables, submittedAt, submittedBy, reason, jobs, state, startedAt, finishedAt } =
    view;
  const content = {
    format: 1,
    keeper: commit,
    cache: {},
    run: {
      name,
      commit,
      workflow,
      variables,
      submittedAt,
      submittedBy,
      reason,
      jobs,
      state,
      startedAt,
      finishedAt,
    },
  };
  return { id: commit, type: 'blob', content: Buffer.from(JSON.stringify(content)) };
}

test('what the newest shard has, no other is asked for', async () => {
  const asked: string[] = [];
  const archive = archiveOf(async (name) => {
    asked.push(name);
    return said(name.slice(0, 40), 'run-1');
  });
  assert.is((await archive.find(tips, 'run-1'))?.keeper, '3'.repeat(40));
  assert.equal(asked, [`${'3'.repeat(40)}:${runPath('run-1')}`]);
});

test('the older shards are asked at once, and of two that have it the newer one counts', async () => {
  const waiting: (() => void)[] = [];
  const archive = archiveOf((name) => {
    const commit = name.slice(0, 40);
    if (commit.startsWith('3')) return Promise.resolve(null);
    return new Promise((resolve) => {
      waiting.push(() => resolve(said(commit, 'run-1')));
      // None answers before all are asked, and the older one first.
      if (waiting.length === 2) for (const answer of waiting.toReversed()) answer();
    });
  });
  assert.is((await archive.find(tips, 'run-1'))?.keeper, '2'.repeat(40));
});

test('a run that is in none is in no archive, and neither is any where there is none', async () => {
  const archive = archiveOf(async () => null);
  assert.is(await archive.find(tips, 'run-1'), null);
  assert.is(await archive.find(new Map(), 'run-1'), null);
});

test.run();
