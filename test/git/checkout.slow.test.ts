import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkOut } from '../../src/git/checkout.ts';
import { initBareRepository, type Repository } from '../../src/git/repository.ts';
import { readTree, scratchFolder, scratchIn, scratchProject } from './scratch-repository.ts';

const test = suite('check out');

async function bareRepository(): Promise<Repository> {
  return initBareRepository(join(scratchFolder(), 'bare.git'));
}

/** Writes an object without Git's checks; its id. */
function writeObject(repository: Repository, type: string, content: string | Buffer): string {
  const args = ['hash-object', '-t', type, '-w', '--stdin', '--literally'];
  const env = { ...process.env, GIT_DIR: repository.gitDir };
  return execFileSync('git', args, { env, input: content, encoding: 'utf8' }).trim();
}

/** A tree of any entries, in the given order, which `git mktree` would refuse. */
function writeTree(
  repository: Repository,
  entries: readonly [mode: string, name: string, id: string][],
): string {
  const content = entries.flatMap(([mode, name, id]) => [
    Buffer.from(`${mode} ${name}\0`),
    Buffer.from(id, 'hex'),
  ]);
  return writeObject(repository, 'tree', Buffer.concat(content));
}

test('writes files, permission to execute and links, from a bare repository', async () => {
  const project = scratchProject();
  execFileSync('ln', ['-s', '../outside', join(project.path, 'src/link')]);
  project.write('-rf\n', 'odd name\n');
  project.git('add', '--all');
  project.git('commit', '--quiet', '--message=more');
  const repository = await bareRepository();
  project.git('push', '--quiet', repository.gitDir, 'main');
  const into = join(scratchFolder(), 'a/b');
  await checkOut(repository, { tree: project.git('rev-parse', 'HEAD'), into });
  assert.equal(
    readTree(into, () => false),
    readTree(project.path),
  );
  assert.not(existsSync(join(repository.gitDir, 'index')));
});

test('writes only the paths that are asked for', async () => {
  const project = scratchProject();
  const into = scratchFolder();
  const repository = { gitDir: join(project.path, '.git') };
  const before = readTree(repository.gitDir);
  const paths = (path: string) => path.startsWith('src/') && !path.startsWith('src/data/');
  await checkOut(repository, { tree: project.git('rev-parse', 'HEAD^{tree}'), into, paths });
  assert.equal(Object.keys(readTree(into)), ['src/model.py']);
  assert.not(existsSync(join(into, 'src/data')));
  assert.equal(readTree(repository.gitDir), before);
});

test('writes the same bytes whatever the repository is set to', async () => {
  const project = scratchProject();
  project.git('sparse-checkout', 'set', '--no-cone', '/docs/');
  project.git('config', 'core.autocrlf', 'true');
  project.git('config', 'core.symlinks', 'false');
  const into = scratchFolder();
  await checkOut({ gitDir: join(project.path, '.git') }, { tree: project.git('rev-parse', 'HEAD'), into });
  assert.equal(readTree(into)['src/model.py'], '- layers = 2\n');
});

test('makes an empty folder of a submodule', async () => {
  const repository = await bareRepository();
  const blob = writeObject(repository, 'blob', 'text\n');
  const tree = writeTree(repository, [
    [
      '100644',
      '.gitmodules',
      writeObject(repository, 'blob', '[submodule "x"]\n\tpath = lib\n\turl = /nowhere\n'),
    ],
    ['100644', 'a.txt', blob],
    ['160000', 'lib', blob],
  ]);
  const into = scratchFolder();
  await checkOut(repository, { tree, into });
  assert.equal(readdirSync(into).sort(), ['.gitmodules', 'a.txt', 'lib']);
  assert.equal(readdirSync(join(into, 'lib')), []);
});

test('refuses a folder that is not empty', async () => {
  const project = scratchProject();
  const options = { tree: project.git('rev-parse', 'HEAD'), into: scratchFolder() };
  scratchIn(options.into).write('mine.txt', 'mine\n');
  const error = await failure({ gitDir: join(project.path, '.git') }, options);
  assert.is(error.code, 'folder-not-empty');
  assert.equal(Object.keys(readTree(options.into)), ['mine.txt']);
});

test('a folder that can not be made, or is a file, is an error that says why', async () => {
  const project = scratchProject();
  const repository = { gitDir: join(project.path, '.git') };
  const tree = project.git('rev-parse', 'HEAD');
  const places: [string, RegExp][] = [
    ['/proc/no-such-folder/below', /takes no new folders|no permission/],
    [join(project.path, 'train.py/below'), /a file is in the way/],
    [join(project.path, 'train.py'), /is no folder/],
  ];
  for (const [into, why] of places) {
    const error = await failure(repository, { tree, into });
    assert.is(error.code, 'no-folder');
    assert.match(error.message, why);
  }
});

test('fails for a tree that is not there, or has an option for a name', async () => {
  const repository = await bareRepository();
  for (const tree of ['0123456789'.repeat(4), '--reset']) {
    const error = await failure(repository, { tree, into: scratchFolder() });
    assert.is(error.code, 'git-failed');
  }
});

test('fails for a file whose content is missing', async () => {
  const repository = await bareRepository();
  const tree = writeTree(repository, [['100644', 'a.txt', '0123456789'.repeat(4)]]);
  for (const paths of [undefined, () => true])
    assert.is((await failure(repository, { tree, into: scratchFolder(), paths })).code, 'git-failed');
});

async function failure(repository: { gitDir: string }, options: Parameters<typeof checkOut>[1]) {
  return checkOut(repository, options).then(
    () => assert.unreachable('it was checked out'),
    (error) => error,
  );
}

for (const name of [
  '.git',
  '.GIT',
  '..',
  '.',
  '',
  'git~1',
  '.g\u200cit',
  '../escaped',
  'a/../../escaped',
  '/tmp/escaped',
]) {
  test(`refuses the name ${JSON.stringify(name)} in a tree`, async () => {
    const repository = await bareRepository();
    const blob = writeObject(repository, 'blob', 'hostile\n');
    const outside = scratchFolder();
    const folder = writeTree(repository, [['100644', 'config', blob]]);
    const trees = [
      writeTree(repository, [['100644', name, blob]]),
      writeTree(repository, [['40000', name, folder]]),
      writeTree(repository, [['40000', 'below', writeTree(repository, [['40000', name, folder]])]]),
    ];
    for (const tree of trees) {
      for (const paths of [undefined, () => true]) {
        const into = join(outside, 'around/into');
        const error = await failure(repository, { tree, into, paths });
        assert.ok(['unsafe-tree', 'git-failed'].includes(error.code), error.code);
        assert.equal(
          readTree(outside, () => false),
          {},
        );
      }
    }
  });
}

test('writes nothing through a link of the tree', async () => {
  const repository = await bareRepository();
  const blob = writeObject(repository, 'blob', 'hostile\n');
  const outside = scratchFolder();
  mkdirSync(join(outside, 'target'));
  const before = statSync(join(outside, 'target')).mtimeMs;
  const link = writeObject(repository, 'blob', join(outside, 'target'));
  const below = writeTree(repository, [['100644', 'b', blob]]);
  const orders: [string, string, string][][] = [
    [
      ['120000', 'a', link],
      ['40000', 'a', below],
    ],
    [
      ['40000', 'a', below],
      ['120000', 'a', link],
    ],
    [
      ['120000', 'a', link],
      ['100644', 'a/b', blob],
    ],
    // On a file system that folds case these would be the same.
    [
      ['120000', 'A', link],
      ['40000', 'a', below],
    ],
  ];
  for (const [index, entries] of orders.entries()) {
    for (const paths of [undefined, () => true]) {
      const into = join(outside, `into-${index}-${paths === undefined}`);
      await checkOut(repository, { tree: writeTree(repository, entries), into, paths }).catch((error) =>
        assert.ok(['unsafe-tree', 'git-failed'].includes(error.code), error),
      );
      assert.equal(readdirSync(join(outside, 'target')), []);
    }
  }
  assert.is(statSync(join(outside, 'target')).mtimeMs, before);
});

test.run();
