import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRefUpdater, type RefUpdater } from '../../src/git/ref-updater.ts';
import { listRefs } from '../../src/git/refs.ts';
import { initBareRepository, type Repository } from '../../src/git/repository.ts';
import { explainTransferFailure } from '../../src/git/transfer-failure.ts';
import { writeCommits } from '../../src/git/write-commits.ts';
import { scratchFolder } from './scratch-repository.ts';

const commitIn = async (repository: Repository) =>
  (
    await writeCommits(repository, [
      { parents: [], files: [], message: 'one', author: { name: 'A', email: 'a@example.org', time: 0 } },
    ])
  )[0] as string;

const refsOf = async ({ gitDir }: Repository) => [...(await listRefs(gitDir, ['refs'])).keys()];

function withUpdater(body: (shared: Repository, updater: RefUpdater) => Promise<void>): () => Promise<void> {
  return async () => {
    const shared = await initBareRepository(join(scratchFolder(), 'shared.git'));
    const updater = openRefUpdater(shared.gitDir);
    try {
      await body(shared, updater);
    } finally {
      updater.close();
    }
  };
}

test(
  'where the repository has been taken away, nothing is made in its place',
  withUpdater(async (shared, updater) => {
    const id = await commitIn(shared);
    const create = (ref: string) => updater.update([{ ref, from: null, to: id }], false);
    assert.equal([...(await create('refs/x/one')).done], ['refs/x/one']);

    const away = `${shared.gitDir}.away`;
    renameSync(shared.gitDir, away);
    for (const ref of ['refs/y/one', 'refs/y/two']) {
      const { done, words } = await create(ref);
      assert.equal([...done], []);
      assert.is(explainTransferFailure(words).code, 'unreachable', words);
    }
    assert.not(existsSync(shared.gitDir));

    renameSync(away, shared.gitDir);
    assert.equal([...(await create('refs/y/one')).done], ['refs/y/one']);
    assert.equal(await refsOf(shared), ['refs/x/one', 'refs/y/one']);
  }),
);

test(
  'another repository that has been put in its place is the one that is changed',
  withUpdater(async (shared, updater) => {
    const id = await commitIn(shared);
    await updater.update([{ ref: 'refs/x/one', from: null, to: id }], false);
    renameSync(shared.gitDir, `${shared.gitDir}.old`);
    const other = await initBareRepository(shared.gitDir);
    await commitIn(other);
    const { done } = await updater.update([{ ref: 'refs/x/two', from: null, to: id }], false);
    assert.equal([...done], ['refs/x/two']);
    assert.equal(await refsOf(other), ['refs/x/two']);
  }),
);

test.run();
