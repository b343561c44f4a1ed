import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { openStateReader } from '../../../src/ledger/read-state.ts';
import { parseRunMessage } from '../../../src/ledger/run-message.ts';
import { watchTriggers } from '../../../src/ledger/triggers/watch-triggers.ts';
import { serve } from '../git-daemon.ts';
import { participant, type Shared, scratchGuarded, scratchShared, sharedAt } from '../support.ts';
import { type Clone, cloneOf, workflows } from './support.ts';

/** Nobody else is there: what another one has recorded is carried out at once. */
const alone = { patience: 0 };

async function watched(): Promise<{
  shared: Shared;
  ledger: Ledger;
  clone: Clone;
  look: () => Promise<string[]>;
}> {
  const shared = await scratchShared();
  const ledger = await participant(shared.path);
  const watch = watchTriggers(ledger, alone);
  const look = async () => {
    const { submitted, rejected, failed } = await watch.look();
    if (failed[0]) throw failed[0].error;
    return [...submitted, ...rejected.map(({ problem }) => problem.split('\n')[0] as string)].map((text) =>
      text.replace(/-[0-9a-f]{10}-\w{6}$/, ''),
    );
  };
  return { shared, ledger, clone: cloneOf(shared.path), look };
}

test('a push starts what asks for it, from the very commit that was pushed, once', async () => {
  const { shared, ledger, clone, look } = await watched();
  assert.equal(await look(), []);
  const commit = clone.push(workflows({ train: 'push', other: "{push: {tags: 'v*'}}" }));
  assert.equal(await look(), ['train']);
  assert.equal(await look(), [], 'it has been dealt with');
  const [run] = (await openStateReader(ledger).read()).runs;
  assert.is(run?.reason, 'push of main, committed by Grace');
  assert.is(run?.submittedBy, 'Grace <grace@example.org>');
  assert.equal(
    run?.jobs.map(({ name }) => name),
    ['train'],
  );
  const ref = run?.commit as string;
  assert.is(shared.git('rev-parse', `${ref}^`), commit, 'its parent is what was pushed');
  assert.is(shared.git('rev-parse', `${ref}^{tree}`), shared.git('rev-parse', `${commit}^{tree}`));
  const message = parseRunMessage(shared.git('log', '-1', '--format=%B', ref));
  assert.is(message?.trigger, 'push refs/heads/main');
});

test('what was there when somebody first looked starts nothing, then or later', async () => {
  const { clone, look } = await watched();
  clone.push(workflows({ train: 'push' }));
  clone.push({}, 'old');
  assert.equal(await look(), []);
  assert.equal(await look(), []);
  clone.push({ more: '1' });
  assert.equal(await look(), ['train']);
});

test('a commit is run once for a branch, and once for each other branch or tag that asks for it', async () => {
  const { clone, look } = await watched();
  await look();
  clone.push(workflows({ train: "{push: {branches: '**', tags: '*'}}" }));
  assert.equal(await look(), ['train']);
  const first = clone.git('rev-parse', 'HEAD');
  clone.push({ more: '1' });
  assert.equal(await look(), ['train']);
  clone.git('push', '--quiet', '--force', 'origin', `${first}:refs/heads/main`);
  assert.equal(await look(), [], 'it has been run for main');
  clone.git('push', '--quiet', 'origin', `${first}:refs/heads/again`);
  assert.equal(await look(), ['train']);
  clone.git('tag', '-a', '-m', 'one', 'v1', first);
  clone.git('push', '--quiet', 'origin', 'v1');
  assert.equal(await look(), ['train'], 'an annotated tag stands for its commit');
  clone.git('push', '--quiet', 'origin', ':refs/heads/again');
  for (let looks = 0; looks < 3; looks += 1) assert.equal(await look(), []);
  clone.git('push', '--quiet', 'origin', `${first}:refs/heads/again`);
  assert.equal(await look(), [], 'and for that branch, too');
});

test('patterns of branches, tags and paths', async () => {
  const { clone, look } = await watched();
  await look();
  const on = {
    any: 'push',
    main: '{push: {branches: main}}',
    release: "{push: {branches: ['release/*']}}",
    tagged: "{push: {tags: 'v*'}}",
    source: "{push: {paths: ['src/**', '*.toml']}}",
    folder: '{push: {branches: main, paths: data}}',
  };
  clone.push({ ...workflows(on), 'src/a.py': '1', 'data/x/y': '1' });
  assert.equal((await look()).sort(), ['any', 'folder', 'main', 'source'], 'all of its files are new');
  clone.push({ readme: '1' });
  assert.equal((await look()).sort(), ['any', 'main']);
  clone.push({ 'data/x/z': '1' });
  assert.equal((await look()).sort(), ['any', 'folder', 'main'], 'a folder stands for what is in it');
  clone.push({ 'src/a.py': '2' }, 'release/1');
  assert.equal((await look()).sort(), ['any', 'release', 'source'], 'a new branch is compared with main');
  clone.push({ 'src/a.py': '3' }, 'release-1/hot');
  assert.equal((await look()).sort(), ['any', 'source'], 'with what main is, not with the nearest branch');
  clone.git('tag', 'v1');
  clone.git('tag', 'w1');
  clone.git('push', '--quiet', '--tags', 'origin');
  assert.equal(await look(), ['tagged']);
});

test('what is wrong with what was pushed is a run that failed, with the reason in its log', async () => {
  const { ledger, clone, look } = await watched();
  await look();
  clone.push({ '.dstack/workflows.yaml': 'workflows:\n- name: a\n  on: push\n  comands: [x]\n' });
  assert.equal(await look(), ['.dstack/workflows.yaml:2:9: `a` has no `commands`']);
  clone.push({
    '.dstack/workflows.yaml': 'workflows: [{name: c, on: push, commands: [x], depends-on: [d]}]\n',
  });
  assert.match((await look())[0] as string, 'there is no workflow `d`');
  clone.push({ '.dstack/workflows.yaml': 'workflows: [{name: c, commands: 1}]\n' });
  assert.equal(await look(), [], 'who starts nothing by a push learns of it from dstack run');
  clone.push({ '.dstack/workflows.yaml': `on: [${'x'.repeat(5 << 20)}]` });
  assert.match((await look())[0] as string, 'bytes, 4194304 are the limit');
  const { runs } = await openStateReader(ledger).read();
  assert.equal(runs.map(({ state, jobs }) => `${state}: ${jobs[0]?.reason?.split(':')[0]}`).sort(), [
    'failed: .dstack/workflows.yaml',
    'failed: .dstack/workflows.yaml',
    'failed: the files of .dstack have 5242886 bytes, 4194304 are the limit',
  ]);
});

test('a rejected run whose observer was cut off is ended by another one', async () => {
  const { shared, clone } = await watched();
  const text = 'workflows: [{name: a, on: push, commands: 1}]\n';
  const cutOff = await participant(shared.path);
  // It can submit, and nothing else.
  shared.hook(
    'pre-receive',
    'while read -r _ _ ref; do case $ref in refs/dstack/claims/*) [ -e open ] || exit 1 ;; esac; done',
  );
  const first = watchTriggers(cutOff, alone);
  await first.look();
  clone.push({ '.dstack/workflows.yaml': text });
  await first.look();
  const entries = () => [...shared.refs().keys()].filter((ref) => ref.startsWith('refs/dstack/queue/'));
  assert.is(entries().length, 1);
  shared.mark('open');
  // As if it had been cut off before the push stopped being pending: the same one comes back.
  const commit = clone.git('rev-parse', 'HEAD');
  const previous = clone.git('commit-tree', '-m', 'no workflows', '4b825dc642cb6eb9a060e54bf8d69288fbee4904');
  for (const id of [previous, commit]) {
    clone.git('push', '--quiet', '--force', 'origin', `${id}:refs/heads/main`);
    assert.equal((await first.look()).rejected, []);
  }
  assert.equal(entries(), []);
  const [run] = (await openStateReader(cutOff).read()).runs;
  assert.is(run?.state, 'failed');
});

test('a pattern that takes for ever is refused, and holds nothing up', async () => {
  const { clone, look } = await watched();
  await look();
  const evil = `${'*a'.repeat(14)}*b`;
  clone.push(workflows({ evil: `{push: {branches: '${evil}'}}`, good: 'push' }), 'a'.repeat(200));
  assert.match((await look())[0] as string, 'it takes longer than');
  clone.push(workflows({ good: 'push' }));
  assert.equal(await look(), ['good']);
  // The same of the files that a job depends on.
  const text = `workflows:\n  - name: evil\n    commands: ['true']\n    on: push\n    depends-on: {repo: {include: ['${evil}']}}\n`;
  clone.push({ '.dstack/workflows.yaml': text, ['a'.repeat(200)]: '' });
  assert.match((await look())[0] as string, 'it takes longer than');
});

test('more branches than can be pending are dealt with in several looks, one after the other', async () => {
  const { shared, ledger, clone } = await watched();
  const watch = watchTriggers(ledger, alone);
  await watch.look();
  const to = clone.push({ file: '' });
  // A name that is longer than `seen.json` can have.
  const long = `refs/heads/${`${'n'.repeat(99)}/`.repeat(40)}n`;
  const names = Array.from({ length: 55 }, (_, number) => `refs/heads/b${number}`);
  shared.git('pack-refs', '--all');
  appendFileSync(join(shared.path, 'packed-refs'), `${to} ${long}\n`);
  for (const ref of names) shared.git('update-ref', ref, to);
  const first = await watch.look();
  assert.is(first.dueIn, 0, 'there is more');
  const second = await watch.look();
  assert.is(second.dueIn, Number.POSITIVE_INFINITY);
  const seen = shared.git('show', 'refs/dstack/triggers/seen:seen.json');
  assert.equal(Object.keys(JSON.parse(seen).refs).sort(), ['refs/heads/main', ...names].sort());
});

for (const [where, make] of [
  ['a folder', async () => ({ shared: await scratchShared(), close: async () => {} })],
  [
    'a daemon',
    async () => {
      const { path } = await scratchShared();
      const daemon = await serve(path);
      return { shared: { ...sharedAt(path), path: daemon.url }, close: daemon.stop };
    },
  ],
] as const) {
  test(`many see the same pushes, in ${where}`, async () => {
    const { shared, close } = await make();
    const clone = cloneOf(shared.path);
    const looks = await Promise.all(
      [1, 2, 3, 4].map(async (number) => watchTriggers(await participant(shared.path, `runner-${number}`))),
    );
    await Promise.all(looks.map((watch) => watch.look()));
    const submitted: string[] = [];
    for (const [index, branch] of ['main', 'a', 'b'].entries()) {
      clone.push({ ...workflows({ train: 'push', other: 'push' }), branch }, branch);
      for (let rounds = 0, more = 2; more > 0; rounds += 1) {
        assert.ok(rounds < 50, `${submitted.join(' ')} are all, after ${rounds} looks`);
        const found = await Promise.all(looks.map((watch) => watch.look()));
        assert.equal(
          found.flatMap(({ failed }) => failed),
          [],
        );
        submitted.push(...found.flatMap((look) => look.submitted));
        // Once all are there, they look again.
        if (submitted.length >= 2 * (index + 1)) more -= 1;
      }
    }
    assert.is(submitted.length, 6, submitted.join(' '));
    assert.is(new Set(submitted).size, 6);
    const runs = [...shared.refs().keys()].filter((ref) => ref.startsWith('refs/dstack/runs/'));
    assert.equal(runs.sort(), submitted.map((run) => `refs/dstack/runs/${run}`).sort());
    await close();
  });
}

test('a host that guards its branches, with all refs below one of them', async () => {
  const shared = await scratchGuarded();
  const ledger = await participant(shared.path, 'tester', { refPrefix: 'refs/heads/dstack' });
  const watch = watchTriggers(ledger, alone);
  const clone = cloneOf(shared.path);
  await watch.look();
  for (const text of ['1', '2', '3']) {
    clone.push({ ...workflows({ train: 'push' }), text });
    assert.is((await watch.look()).submitted.length, 1);
    assert.equal((await watch.look()).submitted, [], 'its own refs are no pushes');
  }
});

test.run();
