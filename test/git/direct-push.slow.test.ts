import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CommitInput } from '../../src/git/commit-input.ts';
import { type DirectPush, openDirectPush } from '../../src/git/direct-push.ts';
import { openObjectReader } from '../../src/git/object-reader.ts';
import type { RefUpdate } from '../../src/git/push.ts';
import { listRefs } from '../../src/git/refs.ts';
import { initBareRepository, type Repository } from '../../src/git/repository.ts';
import { git } from '../../src/git/run-git.ts';
import { gitProcessesIn } from '../../src/git/stale-locks.ts';
import { until } from '../e2e/project.ts';
import { scratchFolder } from './scratch-repository.ts';

const input = (message: string): CommitInput => ({
  parents: [],
  files: [{ path: 'a/b', content: message }],
  message,
  author: { name: 'A', email: 'a@example.org', time: 0 },
});

interface Scene {
  readonly shared: Repository;
  readonly direct: DirectPush;
  write(message: string): Promise<string>;
  push(...updates: RefUpdate[]): ReturnType<DirectPush['push']>;
  refs(): Promise<Record<string, string>>;
  readonly followed: string[][];
}

function withScene(body: (scene: Scene) => Promise<void>): () => Promise<void> {
  return async () => {
    const shared = await initBareRepository(join(scratchFolder(), 'shared.git'));
    const reader = openObjectReader(shared.gitDir);
    const followed: string[][] = [];
    const direct = openDirectPush(shared, reader, {
      mayStandIn: async () => true,
      follow: async (refs) => {
        followed.push([...refs]);
      },
    });
    try {
      await body({
        shared,
        direct,
        write: async (message) => (await direct.write([input(message)]))?.[0] as string,
        push: (...updates) => direct.push(updates, { atomic: false }),
        refs: async () => Object.fromEntries(await listRefs(shared.gitDir, ['refs'])),
        followed,
      });
    } finally {
      direct.close();
      reader.close();
    }
  };
}

test(
  'creates, swaps and deletes hold to what the ref was said to be, each for itself',
  withScene(async ({ shared, write, push, refs, followed }) => {
    const [one, two] = [await write('one'), await write('two')];
    assert.equal(await push({ ref: 'refs/x/y', from: null, to: one }), { ok: true });
    const mixed = await push(
      { ref: 'refs/x/y', from: null, to: two },
      { ref: 'refs/x/z', from: null, to: two },
      { ref: 'refs/x/gone', from: one, to: null },
      { ref: 'refs/x/q', from: two, to: one },
      { ref: 'refs/x/r', from: undefined, to: one },
    );
    assert.ok(mixed && !mixed.ok);
    assert.equal([...(mixed.done ?? [])], ['refs/x/z', 'refs/x/r']);
    assert.match(mixed.failure.words, 'stale info');
    assert.equal(await refs(), { 'refs/x/r': one, 'refs/x/y': one, 'refs/x/z': two });
    assert.equal(
      await push({ ref: 'refs/x/y', from: one, to: two }, { ref: 'refs/x/z', from: two, to: null }),
      {
        ok: true,
      },
    );
    assert.equal(await refs(), { 'refs/x/r': one, 'refs/x/y': two });
    assert.equal(followed, [['refs/x/y'], ['refs/x/z', 'refs/x/r'], ['refs/x/y', 'refs/x/z']]);
    await git(['fsck', '--strict', '--no-dangling', '--no-progress'], { gitDir: shared.gitDir });
  }),
);

test(
  'an atomic one is all or nothing',
  withScene(async ({ direct, write, push, refs, followed }) => {
    const one = await write('one');
    await push({ ref: 'refs/x/taken', from: null, to: one });
    const two = await write('two');
    const updates = ['free', 'taken'].map((name) => ({ ref: `refs/x/${name}`, from: null, to: two }));
    assert.is((await direct.push(updates, { atomic: true }))?.ok, false);
    assert.equal(await refs(), { 'refs/x/taken': one });
    assert.is(followed.length, 1);
    const [free] = updates;
    assert.equal(await direct.push([free as RefUpdate], { atomic: true }), { ok: true });
  }),
);

test(
  'of many who create the same ref at once exactly one succeeds',
  withScene(async ({ shared, refs }) => {
    const racers = Array.from({ length: 8 }, () => {
      const reader = openObjectReader(shared.gitDir);
      return openDirectPush(shared, reader, {
        mayStandIn: async () => true,
        follow: async () => reader.close(),
      });
    });
    const ids = await Promise.all(
      racers.map(async (one, n) => (await one.write([input(`${n}`)]))?.[0] as string),
    );
    for (const ref of ['refs/x/1', 'refs/x/2', 'refs/x/3']) {
      const outcomes = await Promise.all(
        racers.map((one, n) => one.push([{ ref, from: null, to: ids[n] as string }], { atomic: false })),
      );
      const winners = ids.filter((_, n) => outcomes[n]?.ok);
      assert.equal(winners, [(await refs())[ref]]);
    }
    for (const one of racers) one.close();
  }),
);

test(
  'a lock in the way is named as a push would name it; what is killed is unknown, and the next one goes on',
  withScene(async ({ shared, write, push, refs }) => {
    const one = await write('one');
    const lock = join(shared.gitDir, 'refs/x/y.lock');
    mkdirSync(join(shared.gitDir, 'refs/x'), { recursive: true });
    writeFileSync(lock, '');
    const locked = await push({ ref: 'refs/x/y', from: null, to: one });
    assert.ok(locked && !locked.ok);
    assert.is(locked.failure.code, 'lock');
    assert.match(locked.failure.words, `Unable to create '${lock}': File exists`);
    rmSync(lock);
    assert.equal(await push({ ref: 'refs/x/z', from: null, to: one }), { ok: true });
    const [pid] = await gitProcessesIn(shared);
    // On a slow machine it may have been idle for too long, and have ended.
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    const killed = await push({ ref: 'refs/x/y', from: null, to: one });
    if (!killed?.ok) assert.is(killed?.failure.code, 'killed');
    const now = (await refs())['refs/x/y'] ?? null;
    if (now === null) assert.equal(await push({ ref: 'refs/x/y', from: null, to: one }), { ok: true });
    assert.is((await refs())['refs/x/y'], one);
  }),
);

test(
  'what somebody tidies away before a ref leads to it is written again; what is not known to be there is not pushed so',
  withScene(async ({ shared, direct, write, push }) => {
    const one = await write('one');
    await git(['prune', '--expire=now'], { gitDir: shared.gitDir });
    assert.equal(
      readdirSync(shared.objectDir).filter((name) => name.length === 2),
      [],
    );
    assert.equal(await push({ ref: 'refs/x/y', from: null, to: one }), { ok: true });
    await git(['fsck', '--strict', '--no-progress'], { gitDir: shared.gitDir });
    const foreign = 'a'.repeat(40);
    assert.is(await push({ ref: 'refs/x/z', from: null, to: foreign }), null);
    direct.sawTips([one]);
    assert.equal(await push({ ref: 'refs/x/z', from: null, to: one }), { ok: true });
    assert.is(await direct.write([{ ...input('x'), parents: [foreign] }]), null);
  }),
);

for (const [what, change] of Object.entries({
  'a hook that judges': ({ gitDir }: Repository) => {
    mkdirSync(join(gitDir, 'hooks'), { recursive: true });
    writeFileSync(join(gitDir, 'hooks/update'), '#!/bin/sh\n', { mode: 0o755 });
  },
  'hidden refs': ({ gitDir }: Repository) => git(['config', 'receive.hideRefs', 'refs/x'], { gitDir }),
  'hooks elsewhere': ({ gitDir }: Repository) => git(['config', 'core.hooksPath', '/nowhere'], { gitDir }),
  'no atomic pushes': ({ gitDir }: Repository) =>
    git(['config', 'receive.advertiseAtomic', 'false'], { gitDir }),
  'a shallow history': ({ gitDir }: Repository) => writeFileSync(join(gitDir, 'shallow'), ''),
})) {
  test(
    `${what}: only Git can push then, from one moment to the next`,
    withScene(async ({ shared, direct, write, push, refs }) => {
      const one = await write('one');
      await push({ ref: 'refs/x/y', from: null, to: one });
      await change(shared);
      assert.is(await push({ ref: 'refs/x/z', from: null, to: one }), null);
      assert.is(await direct.write([input('two')]), null);
      assert.is(await direct.isPossible(), false);
      assert.equal(await refs(), { 'refs/x/y': one });
    }),
  );
}

test(
  'branches and tags are for Git, too, with what guards them',
  withScene(async ({ write, push }) => {
    const one = await write('one');
    for (const ref of ['refs/heads/main', 'refs/tags/v1'])
      assert.is(await push({ ref, from: null, to: one }), null);
  }),
);

test(
  'after a hundred changes what is loose is packed, if the repository wants that',
  withScene(async ({ shared, direct, write }) => {
    await git(['config', 'gc.auto', '1'], { gitDir: shared.gitDir });
    const packs = () => readdirSync(join(shared.objectDir, 'pack')).filter((name) => name.endsWith('.idx'));
    let made = 0;
    // Where Git looks for how many are loose, the first few commits may have nothing.
    await until('a pack', async () => {
      const refs = Array.from({ length: 100 }, (_, index) => `refs/x/${made}-${index}`);
      made += 1;
      const to = await write(`commit ${made} of many`);
      await direct.push(
        refs.map((ref) => ({ ref, from: null, to })),
        { atomic: true },
      );
      return packs().length > 0;
    });
    direct.close();
    await until('its end', async () => (await gitProcessesIn(shared)).length === 0);
  }),
);

test(
  'the process that changes refs ends when it is not needed',
  withScene(async ({ shared, direct, write, push }) => {
    await push({ ref: 'refs/x/y', from: null, to: await write('one') });
    direct.close();
    await until('its end', async () => (await gitProcessesIn(shared)).length === 0);
    assert.ok(existsSync(join(shared.gitDir, 'refs/x/y')));
  }),
);

test.run();
