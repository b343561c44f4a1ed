import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import { push } from '../../src/git/push.ts';
import { listRefs } from '../../src/git/refs.ts';
import { initBareRepository, openRepository, type Repository } from '../../src/git/repository.ts';
import { writeCommits } from '../../src/git/write-commits.ts';

const test = suite<{ folder: string; shared: Repository; own: Repository }>('push');
const author = { name: 'A', email: 'a@example.org', time: 1_700_000_000_000 };

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'push-'));
  context.shared = await initBareRepository(join(context.folder, 'shared.git'));
  context.own = await initBareRepository(join(context.folder, 'own.git'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

async function commit(own: Repository, message: string): Promise<string> {
  const [id] = await writeCommits(own, [
    { parents: [], files: [{ path: 'a', content: message }], message, author },
  ]);
  return id as string;
}

test('create-only, swap and delete hold to what the ref was said to be', async ({ shared, own }) => {
  const [one, two] = [await commit(own, 'one'), await commit(own, 'two')];
  const ref = 'refs/x/y';
  const go = (from: string | null, to: string | null) =>
    push(own, shared.gitDir, [{ ref, from, to }], { atomic: false });
  assert.equal((await go(null, one)).ok, true);
  assert.equal((await go(null, two)).ok, false, 'it is there already');
  assert.equal((await go(two, null)).ok, false, 'it is another');
  assert.equal((await go(one, two)).ok, true);
  assert.equal((await go(one, null)).ok, false, 'it has moved');
  assert.deepEqual([...(await listRefs(shared.gitDir, ['refs/x']))], [[ref, two]]);
  assert.equal((await go(two, null)).ok, true);
  assert.equal((await listRefs(shared.gitDir, ['refs/x'])).size, 0);
});

test('an atomic push is all or nothing, another is not', async ({ shared, own }) => {
  const one = await commit(own, 'one');
  await push(own, shared.gitDir, [{ ref: 'refs/x/taken', from: null, to: one }], { atomic: false });
  const two = await commit(own, 'two');
  const updates = [
    { ref: 'refs/x/free', from: null, to: two },
    { ref: 'refs/x/taken', from: null, to: two },
  ];
  assert.equal((await push(own, shared.gitDir, updates, { atomic: true })).ok, false);
  assert.deepEqual([...(await listRefs(shared.gitDir, ['refs/x'])).keys()], ['refs/x/taken']);
  assert.equal((await push(own, shared.gitDir, updates, { atomic: false })).ok, false);
  assert.deepEqual([...(await listRefs(shared.gitDir, ['refs/x'])).keys()], ['refs/x/free', 'refs/x/taken']);
});

test('deletes from a shallow repository where shallow pushes are allowed', async ({
  folder,
  shared,
  own,
}) => {
  execFileSync('git', ['config', 'receive.shallowUpdate', 'true'], { cwd: shared.gitDir });
  const [, two] = await writeCommits(own, [
    { parents: [], files: [], message: 'one', author },
    { parents: [':1'], files: [], message: 'two', author },
  ]);
  await push(own, shared.gitDir, [{ ref: 'refs/heads/main', from: null, to: two as string }], {
    atomic: false,
  });
  const clone = join(folder, 'clone');
  execFileSync('git', ['clone', '--quiet', '--depth=1', '-b', 'main', `file://${shared.gitDir}`, clone], {
    stdio: 'ignore',
  });
  const shallow = await openRepository(clone);
  const three = await commit(shallow, 'three');
  const updates = [
    { ref: 'refs/heads/main', from: two as string, to: null },
    { ref: 'refs/x/new', from: null, to: three },
  ];
  for (const remote of ['origin', shared.gitDir]) {
    const outcome = await push(shallow, remote, remote === 'origin' ? updates.slice(1) : updates, {
      atomic: false,
    });
    assert.deepEqual(outcome, { ok: true });
  }
  assert.deepEqual([...(await listRefs(shared.gitDir, ['refs'])).keys()], ['refs/x/new']);
});

test('a failure tells the words of the other side', async ({ folder, own }) => {
  const one = await commit(own, 'one');
  const outcome = await push(own, join(folder, 'nowhere.git'), [{ ref: 'refs/x/y', from: null, to: one }], {
    atomic: false,
  });
  assert.equal(outcome.ok, false);
  if (!outcome.ok) {
    assert.equal(outcome.failure.code, 'unreachable');
    assert.match(outcome.failure.words, /nowhere\.git/);
  }
});

test('refuses what is no object id, and leased beside unleased updates', async ({ shared, own }) => {
  const one = await commit(own, 'one');
  await assert.rejects(
    push(own, shared.gitDir, [{ ref: 'refs/x/y', from: null, to: '' }], { atomic: false }),
  );
  await assert.rejects(
    push(
      own,
      shared.gitDir,
      [
        { ref: 'refs/x/y', from: null, to: one },
        { ref: 'refs/x/z', from: undefined, to: one },
      ],
      { atomic: false },
    ),
  );
});

test.run();
