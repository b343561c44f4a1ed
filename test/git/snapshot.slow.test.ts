import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, utimesSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { discoverRepository } from '../../src/git/repository.ts';
import { takeSnapshot } from '../../src/git/snapshot.ts';
import { type Scratch, scratchFolder, scratchIn, scratchProject, userState } from './scratch-repository.ts';

const test = suite('snapshot');

const snapshotOf = async (project: Scratch) => takeSnapshot(await discoverRepository(project.path));

/** What the snapshot changes, as `git diff-tree` tells it. */
function changes(project: Scratch, tree: string): string[] {
  return project
    .git('diff-tree', '-r', '--name-status', '--no-renames', 'HEAD', tree)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace('\t', ' '));
}

test('checked out by git worktree add, equals the original by diff -r', async () => {
  const project = scratchProject();
  project.write('train.py', 'print("changed")\n');
  project.write('staged.py', 'staged\n', 0o755);
  project.git('add', 'staged.py');
  project.write('new folder/untracked file.txt', 'untracked\n');
  project.remove('run.sh');
  const { tree, parent } = await snapshotOf(project);
  const commit = project.git('commit-tree', '-p', parent as string, '-m', 'snapshot', tree);
  const copy = join(scratchFolder(), 'copy');
  project.git('worktree', 'add', '--quiet', '--detach', copy, commit);
  const args = ['-r', '--no-dereference', '--exclude=.git', project.path, copy];
  const diff = spawnSync('diff', args, { encoding: 'utf8' });
  assert.is(diff.stdout + diff.stderr, '');
  assert.is(diff.status, 0);
});

test('says what it recorded', async () => {
  const project = scratchProject();
  project.write('train.py', 'changed\n');
  project.write('src/model.py', 'staged\n');
  project.git('add', 'src/model.py');
  project.remove('run.sh');
  project.write('a.txt', '12345');
  project.write('b.txt', '123');
  const { parent, stats, warnings } = await snapshotOf(project);
  assert.is(parent, project.git('rev-parse', 'HEAD'));
  assert.equal(stats, { changed: 3, untracked: 2, bytes: 8 + 7 + 8 });
  assert.equal(warnings, []);
});

test('of an unchanged work tree is the tree of HEAD', async () => {
  const project = scratchProject();
  const { tree, stats } = await snapshotOf(project);
  assert.is(tree, project.git('rev-parse', 'HEAD^{tree}'));
  assert.equal(stats, { changed: 0, untracked: 0, bytes: 0 });
});

test('sees a change of the same size in the moment of the last git add', async () => {
  const project = scratchProject();
  const moment = 1_700_000_000;
  const inTheMoment = (name: string) => utimesSync(join(project.path, name), moment, moment);
  // Leaves size and modification time as what can tell a change, as on a system with coarse clocks.
  project.git('config', 'core.trustCtime', 'false');
  project.write('train.py', 'aaaa');
  inTheMoment('train.py');
  project.git('add', '--all');
  inTheMoment('.git/index');
  project.write('train.py', 'bbbb');
  inTheMoment('train.py');
  const { tree } = await snapshotOf(project);
  assert.is(project.git('cat-file', 'blob', `${tree}:train.py`), 'bbbb');
});

test('respects a sparse checkout, and takes what is there outside of it', async () => {
  for (const sparseIndex of ['--sparse-index', '--no-sparse-index']) {
    const project = scratchProject();
    project.write('data/big.csv', '1\n');
    project.write('data/odd.csv', '1\n');
    project.write('docs/a.md', 'a\n');
    project.git('add', '--all');
    project.git('commit', '--quiet', '--message=more');
    project.git('sparse-checkout', 'set', '--cone', sparseIndex, 'src');
    assert.not(existsSync(join(project.path, 'data')));
    project.write('src/model.py', 'changed\n');
    project.write('data/odd.csv', 'changed\n');
    project.write('data/new.csv', 'new\n');
    project.remove('src/data/load.py');
    const before = userState(project);
    const { tree } = await snapshotOf(project);
    assert.equal(userState(project), before);
    assert.equal(changes(project, tree), [
      'A data/new.csv',
      'M data/odd.csv',
      'D src/data/load.py',
      'M src/model.py',
    ]);
  }
});

test('takes modes from the index where core.fileMode says that the file system has none', async () => {
  const project = scratchProject();
  project.git('config', 'core.fileMode', 'false');
  project.write('run.sh', '#!/bin/bash\n', 0o644);
  project.write('train.py', 'changed\n', 0o755);
  const { tree } = await snapshotOf(project);
  const modes = project.git('ls-tree', tree, 'run.sh', 'train.py').replace(/ blob \w+\t/g, ' ');
  assert.is(modes, '100755 run.sh\n100644 train.py');
});

test('is taken where core.safecrlf would refuse to add', async () => {
  const project = scratchProject();
  project.git('config', 'core.autocrlf', 'input');
  project.git('config', 'core.safecrlf', 'true');
  project.write('train.py', 'two\r\nlines\r\n');
  project.write('new.txt', 'new\r\n');
  assert.throws(() => project.git('add', '--all'));
  const { tree, warnings } = await snapshotOf(project);
  assert.is(project.git('cat-file', 'blob', `${tree}:train.py`), 'two\nlines');
  assert.is(project.git('cat-file', 'blob', `${tree}:new.txt`), 'new');
  assert.equal(warnings, []);
});

test('asks neither hooks nor the file system monitor', async () => {
  const project = scratchProject();
  const marker = join(project.path, '.git/called');
  for (const hook of ['post-index-change', 'pre-commit', 'watch'])
    project.write(`.git/hooks/${hook}`, `#!/bin/sh\necho ${hook} >> '${marker}'\n`, 0o755);
  project.git('config', 'core.fsmonitor', join(project.path, '.git/hooks/watch'));
  project.git('update-index', '--fsmonitor');
  project.remove('.git/called');
  project.write('train.py', 'changed\n');
  project.write('new.txt', 'new\n');
  const { tree } = await snapshotOf(project);
  assert.not(existsSync(marker));
  assert.equal(changes(project, tree), ['A new.txt', 'M train.py']);
});

test('is of the project, whatever repository and index the environment names', async () => {
  const project = scratchProject();
  const other = scratchProject();
  project.write('train.py', 'changed\n');
  const before = [userState(project), userState(other)];
  const environment = {
    GIT_DIR: join(other.path, '.git'),
    GIT_WORK_TREE: other.path,
    GIT_INDEX_FILE: join(other.path, '.git/index'),
    GIT_PREFIX: 'src/',
  };
  Object.assign(process.env, environment);
  const { tree } = await snapshotOf(project).finally(() => {
    for (const name of Object.keys(environment)) delete process.env[name];
  });
  assert.equal(changes(project, tree), ['M train.py']);
  assert.equal([userState(project), userState(other)], before);
});

test('taken while Git holds the index locked', async () => {
  const project = scratchProject();
  project.write('.git/index.lock', '');
  project.write('train.py', 'changed\n');
  const { tree } = await snapshotOf(project);
  assert.equal(changes(project, tree), ['M train.py']);
});

test('of a submodule records the commit that is checked out, and says so', async () => {
  const library = scratchProject();
  const project = scratchProject();
  project.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library.path, 'vendor/lib');
  project.git('commit', '--quiet', '--message=library');
  const checkedOut = scratchIn(join(project.path, 'vendor/lib'));
  checkedOut.git('commit', '--quiet', '--allow-empty', '--message=newer');
  project.git('config', 'submodule.vendor/lib.ignore', 'all');
  project.git('config', 'diff.ignoreSubmodules', 'all');
  const before = userState(project);
  const { tree, warnings, stats } = await snapshotOf(project);
  assert.equal(userState(project), before);
  assert.is(project.git('rev-parse', `${tree}:vendor/lib`), checkedOut.git('rev-parse', 'HEAD'));
  assert.equal(warnings, ['vendor/lib is a submodule: its commit is recorded, not its files']);
  assert.is(stats.changed, 1);
});

test('warns about conflicts and nested repositories, with names fit for printing', async () => {
  const project = scratchProject();
  project.git('checkout', '--quiet', '-b', 'other');
  project.write('train.py', 'theirs\n');
  project.git('commit', '--quiet', '--all', '--message=theirs');
  project.git('checkout', '--quiet', 'main');
  project.write('train.py', 'ours\n');
  project.git('commit', '--quiet', '--all', '--message=ours');
  assert.throws(() => project.git('merge', 'other'));
  mkdirSync(join(project.path, 'nes\x1b[2Jted'));
  project.git('init', '--quiet', 'nes\x1b[2Jted');
  const { warnings } = await snapshotOf(project);
  assert.equal(warnings, [
    'train.py has a merge conflict; recorded as it is in the work tree',
    'nes\\x1b[2Jted is a repository of its own and is left out; ignore it, or add it as a submodule',
  ]);
});

test('leaves no temporary files, after an error neither', async () => {
  const project = scratchProject();
  const temporary = scratchFolder();
  const before = process.env.TMPDIR;
  process.env.TMPDIR = temporary;
  try {
    await snapshotOf(project);
    project.write('.env', 'PASSWORD=1');
    await snapshotOf(project).then(
      () => assert.unreachable(),
      () => {},
    );
    const repository = await discoverRepository(project.path);
    await takeSnapshot(repository, { signal: AbortSignal.abort() }).then(
      () => assert.unreachable(),
      (error) => assert.is(error.code, 'interrupted'),
    );
    assert.equal(await readdir(temporary), []);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
});

test.run();
