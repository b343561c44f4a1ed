import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { headCommit, openBranches } from '../../src/git/branches.ts';
import { listRefs } from '../../src/git/refs.ts';
import { discoverRepository } from '../../src/git/repository.ts';
import { scratchFolder, scratchRepository } from './scratch-repository.ts';

test('branches and tags are listed as Git lists them, and usually without a process', async () => {
  const scratch = scratchRepository();
  scratch.write('file', 'words');
  scratch.git('add', '.');
  scratch.git('commit', '--quiet', '-m', 'first');
  for (const name of ['side', 'a/b']) scratch.git('branch', name);
  scratch.git('tag', '-a', '-m', 'words', 'v1');
  scratch.git('pack-refs', '--all');
  scratch.git('branch', 'loose');
  const gitDir = join(scratch.path, '.git');
  const trace = join(scratchFolder(), 'trace');
  process.env.GIT_TRACE2_EVENT = trace;
  const found = await openBranches(gitDir)().finally(() => {
    delete process.env.GIT_TRACE2_EVENT;
  });
  assert.equal([...found], [...(await listRefs(gitDir, ['refs/heads', 'refs/tags']))]);
  assert.is(found.size, 5);
  assert.not(existsSync(trace), existsSync(trace) ? readFileSync(trace, 'utf8') : '');
});

test('the commit at HEAD is what Git says, wherever it stands', async () => {
  const { git, path } = scratchRepository();
  const seen = async (folder = path) => headCommit(await discoverRepository(folder));
  assert.is(await seen(), null);
  const commit = (message: string) => {
    git('commit', '--quiet', '--allow-empty', '-m', message);
    return git('rev-parse', 'HEAD');
  };
  const first = commit('first');
  assert.is(await seen(), first);
  git('pack-refs', '--all');
  assert.is(await seen(), first);
  const second = commit('second');
  assert.is(await seen(), second);
  git('worktree', 'add', '--quiet', '-b', 'elsewhere', `${path}.tree`, first);
  assert.is(await seen(`${path}.tree`), first);
  git('checkout', '--quiet', '--detach', first);
  assert.is(await seen(), first);
  git('symbolic-ref', 'refs/heads/alias', 'refs/heads/elsewhere');
  git('symbolic-ref', 'HEAD', 'refs/heads/alias');
  assert.is(await seen(), first);
  git('checkout', '--quiet', '--orphan', 'new');
  assert.is(await seen(), null);
});

test.run();
