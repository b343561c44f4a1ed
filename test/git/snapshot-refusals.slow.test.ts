import { spawnSync } from 'node:child_process';
import { chmodSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DstackError } from '../../src/errors.ts';
import { discoverRepository, initBareRepository } from '../../src/git/repository.ts';
import { type SnapshotOptions, takeSnapshot } from '../../src/git/snapshot.ts';
import {
  enterMissingFiles,
  type Scratch,
  scratchFolder,
  scratchIn,
  scratchProject,
  userState,
} from './scratch-repository.ts';

const test = suite('snapshot refusals');

async function refusal(project: Scratch, options: SnapshotOptions = {}): Promise<DstackError> {
  const objects = project.git('count-objects');
  const before = userState(project);
  const repository = await discoverRepository(project.path);
  const error = await takeSnapshot(repository, options).then(
    () => assert.unreachable('a snapshot was taken'),
    (reason) => reason,
  );
  assert.equal(userState(project), before);
  assert.is(project.git('count-objects'), objects, 'nothing of it is in the object store');
  return error;
}

const token = `hf_${'aB3'.repeat(12)}`;

test('a bare repository', async () => {
  const repository = await initBareRepository(join(scratchFolder(), 'bare.git'));
  await takeSnapshot(repository).then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, 'no-work-tree'),
  );
});

test('untracked files that look like secrets, all by name, never by content', async () => {
  const project = scratchProject();
  project.write('.env', 'PASSWORD=hunter2\n');
  project.write('.env.example', 'PASSWORD=\n');
  project.write('notes/Tôken.txt', `use ${token}\n`);
  const error = await refusal(project);
  assert.is(error.code, 'secret-files');
  assert.match(error.message, '.env (environment file)');
  assert.match(error.message, 'notes/Tôken.txt (Hugging Face token)');
  assert.not.match(error.message, '.env.example');
  assert.not.match(error.message + error.hint, token);
  assert.not.match(error.message + error.hint, 'hunter2');
  assert.match(error.hint as string, '.dstackignore');
  assert.match(error.hint as string, '--allow-secret');
});

test('a secret that is allowed by path or glob is taken, and only that', async () => {
  const project = scratchProject();
  project.write('.env', 'PASSWORD=hunter2\n');
  project.write('deploy/[a].key', 'key\n');
  project.write('deploy/b.key', 'key\n');
  const repository = await discoverRepository(project.path);
  const left = await refusal(project, { allowSecrets: ['./.env', 'deploy/[a].key'] });
  assert.is(left.message, 'untracked, and looks like a secret: deploy/b.key (key file)');
  const { tree } = await takeSnapshot(repository, { allowSecrets: ['.env', 'deploy/*'] });
  assert.is(project.git('cat-file', 'blob', `${tree}:.env`), 'PASSWORD=hunter2');
});

test('a secret that is ignored, tracked, empty, or a link is no reason', async () => {
  const project = scratchProject();
  project.write('tracked.key', 'key\n');
  project.git('add', 'tracked.key');
  project.write('.dstackignore', '.env\n');
  project.write('.env', 'PASSWORD=hunter2\n');
  project.write('empty.key', '');
  spawnSync('ln', ['-s', '/run/secrets/id_rsa', join(project.path, 'id_rsa')]);
  const { tree } = await takeSnapshot(await discoverRepository(project.path));
  assert.is(project.git('ls-tree', '--name-only', tree, '.env'), '');
});

test('a secret announced by --intent-to-add is as new as an untracked one', async () => {
  const project = scratchProject();
  project.write('.env', 'PASSWORD=hunter2\n');
  project.git('add', '--intent-to-add', '.env');
  assert.is((await refusal(project)).code, 'secret-files');
});

test('untracked files over 50 MB, all of them, unless allowed', async () => {
  const project = scratchProject();
  for (const name of ['a.bin', 'b.bin']) {
    project.write(name, '');
    truncateSync(join(project.path, name), 50 * 1024 * 1024 + (name === 'a.bin' ? 1024 * 1024 : 0));
  }
  project.write('c\n.bin', '');
  truncateSync(join(project.path, 'c\n.bin'), 70 * 1024 * 1024);
  const error = await refusal(project);
  assert.is(error.code, 'large-files');
  assert.is(error.message, 'untracked, and over 50MB:\n  a.bin (51MB)\n  c\\x0a.bin (70MB)');
  assert.match(error.hint as string, '.dstackignore');
  assert.match(error.hint as string, '--allow-large');
  project.remove('c\n.bin', 'b.bin');
  const { stats } = await takeSnapshot(await discoverRepository(project.path), { allowLarge: true });
  assert.equal(stats, { changed: 0, untracked: 1, bytes: 51 * 1024 * 1024 });
});

test('submodules with changes or untracked files of their own', async () => {
  const library = scratchProject();
  const project = scratchProject();
  const folders = ['lib a', 'lib-b', 'lib-c'];
  for (const name of folders)
    project.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library.path, name);
  project.git('commit', '--quiet', '--message=libraries');
  const [modified, untracked, removed] = folders.map((name) => scratchIn(join(project.path, name)));
  modified?.write('train.py', 'changed\n');
  untracked?.git('config', 'status.showUntrackedFiles', 'no');
  untracked?.write('new.txt', 'new\n');
  removed?.remove('.git');
  const error = await refusal(project);
  assert.is(error.code, 'dirty-submodule');
  assert.match(error.message, 'lib a (modified content)');
  assert.match(error.message, 'lib-b (untracked files)');
  assert.match(error.message, 'lib-c (files, but it is not checked out)');
});

/** Takes snapshots as a user from whom files can be hidden; their outcomes. */
function takenByOther(projects: readonly Scratch[]): { code: string; message: string }[] {
  const own = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const folders = projects.map((project) => project.path);
  const temporary = scratchFolder();
  chmodSync(temporary, 0o777);
  if (own.uid) spawnSync('chown', ['-R', '65534:65534', ...folders.map((folder) => join(folder, '..'))]);
  const script = join(import.meta.dirname, 'take-snapshot.ts');
  const result = spawnSync(process.execPath, ['--import', 'tsx', script, ...folders], {
    ...own,
    encoding: 'utf8',
    env: { ...process.env, HOME: temporary, TMPDIR: temporary },
  });
  spawnSync('chmod', ['-R', 'u+rwX', ...folders]);
  const [, ...outcomes] = result.stdout.trim().split('\n');
  return outcomes.map((outcome) => JSON.parse(outcome));
}

test('files, folders and patterns without permission to read', () => {
  const many = 40_000;
  const cases: [path: string, mode: number, named: string, entries?: number][] = [
    ['train.py', 0o000, 'train.py'],
    ['new.txt', 0o000, 'new.txt'],
    ['folder', 0o000, 'folder'],
    ['src/data', 0o000, 'src/data'],
    // Can be listed, but not entered.
    ['src/data', 0o444, 'src/data/load.py'],
    ['src/.gitignore', 0o000, 'src/.gitignore'],
    ['src/data', 0o000, 'src/data', many],
    ['src/data', 0o444, 'src/data/load.py', many],
    ['src/.gitignore', 0o000, 'src/.gitignore', many],
  ];
  const projects = cases.map(([path, mode, , entries = 0]) => {
    const project = scratchProject();
    enterMissingFiles(project, entries);
    project.write('train.py', 'changed\n');
    project.write('new.txt', 'new\n');
    project.write('src/.gitignore', 'x\n');
    project.write('folder/inside.txt', 'inside\n');
    chmodSync(join(project.path, path), mode);
    return project;
  });
  const outcomes = takenByOther(projects);
  assert.equal(
    outcomes.map(({ code, message }) => `${code}: ${message}`),
    cases.map(([, , named]) => `unreadable-files: these can't be read: ${named}`),
  );
});

test.run();
