import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { discoverRepository, initBareRepository, type Repository } from '../../src/git/repository.ts';
import { sendObjects } from '../../src/git/send-objects.ts';
import { type Scratch, scratchFolder, scratchIn, scratchProject } from './scratch-repository.ts';

interface Scene {
  readonly project: Scratch;
  readonly local: Repository;
  readonly shared: Repository;
  readonly there: Scratch;
  /** Commits all that is in the work tree. */
  commit(message: string): string;
  /** So many objects are there. */
  count(): number;
  packs(): string[];
}

async function scene(name = 'shared.git'): Promise<Scene> {
  const project = scratchProject();
  const shared = await initBareRepository(join(scratchFolder(), name));
  const there = scratchIn(shared.gitDir);
  return {
    project,
    local: await discoverRepository(project.path),
    shared,
    there,
    commit(message) {
      project.git('add', '--all');
      project.git('commit', '--quiet', `--message=${message}`);
      return project.git('rev-parse', 'HEAD');
    },
    count: () =>
      there.git('cat-file', '--batch-check', '--batch-all-objects').split('\n').filter(Boolean).length,
    packs: () => readdirSync(join(shared.objectDir, 'pack')).filter((one) => one.endsWith('.pack')),
  };
}

/** All that belongs to it is there, and sound. */
function isWhole({ there }: Scene, commit: string): void {
  there.git('update-ref', 'refs/x/sent', commit);
  there.git('fsck', '--strict', '--no-progress', '--no-dangling');
}

test('what belongs to a commit comes with it, and of what is there nothing', async () => {
  const all = await scene();
  const { project, local, shared, commit, count, packs } = all;
  const first = project.git('rev-parse', 'HEAD');
  assert.is(await sendObjects(local, shared, [first], []), true);
  // A commit, three trees and five files.
  assert.is(count(), 9);
  isWhole(all, first);
  project.write('src/model.py', 'layers = 3\n');
  const second = commit('second');
  assert.is(await sendObjects(local, shared, [second], [first]), true);
  // It, the trees above the file, and that.
  assert.is(count(), 13);
  assert.equal(packs(), []);
  isWhole(all, second);
});

test('tips that are only there are no obstacle', async () => {
  const all = await scene();
  const { project, local, shared, there, commit } = all;
  const first = project.git('rev-parse', 'HEAD');
  assert.ok(await sendObjects(local, shared, [first], []));
  const tree = there.git('rev-parse', `${first}^{tree}`);
  const foreign = there.git('commit-tree', tree, '-p', first, '-m', 'of somebody else');
  project.write('src/model.py', 'layers = 4\n');
  const second = commit('second');
  assert.is(await sendObjects(local, shared, [second], [foreign]), true);
  isWhole(all, second);
});

test('a delta may be of what is there; many objects, or large ones, are left to a push', async () => {
  const all = await scene();
  const { project, local, shared, commit, count, packs } = all;
  const lines = (changed: string) =>
    `${changed}\n${Array.from({ length: 2_000 }, (_, n) => `line ${n}`).join('\n')}\n`;
  project.write('data', lines('one'));
  const first = commit('first');
  assert.ok(await sendObjects(local, shared, [first], []));
  project.write('data', lines('two'));
  const second = commit('second');
  project.git('gc', '--quiet');
  assert.ok(await sendObjects(local, shared, [second], [first]));
  isWhole(all, second);
  const before = count();
  project.write('large', randomBytes(5 << 20));
  assert.is(await sendObjects(local, shared, [commit('large')], [second]), false);
  project.git('reset', '--quiet', '--hard', second);
  for (let n = 0; n < 100; n += 1) project.write(`many/${n}`, `${n}\n`);
  assert.is(await sendObjects(local, shared, [commit('many')], [second]), false);
  assert.is(count(), before);
  assert.equal(packs(), []);
});

test('a path may have any characters', async () => {
  const all = await scene('a:b "c" \\d.git');
  const first = all.project.git('rev-parse', 'HEAD');
  assert.ok(await sendObjects(all.local, all.shared, [first], []));
  all.project.write('src/model.py', 'layers = 5\n');
  const second = all.commit('second');
  // Its tip can only be read there.
  rmSync(join(all.local.objectDir, first.slice(0, 2), first.slice(2)));
  const tree = all.project.git('rev-parse', `${second}^{tree}`);
  const third = all.project.git('commit-tree', tree, '-m', 'without what came before');
  assert.is(await sendObjects(all.local, all.shared, [third], [first]), true);
  isWhole(all, third);
});

test('what lacks something is not sent', async () => {
  const all = await scene();
  const { project, local, shared } = all;
  const lost = project.git('rev-parse', 'HEAD:src/model.py');
  rmSync(join(local.objectDir, lost.slice(0, 2), lost.slice(2)));
  assert.is(await sendObjects(local, shared, [project.git('rev-parse', 'HEAD')], []), false);
  assert.is(await sendObjects(local, shared, ['1'.repeat(40)], []), false);
});

test('what is not what it is called is not sent', async () => {
  const all = await scene();
  const { project, local, shared } = all;
  const id = project.git('rev-parse', 'HEAD:src/model.py');
  const file = join(local.objectDir, id.slice(0, 2), id.slice(2));
  chmodSync(file, 0o644);
  writeFileSync(file, deflateSync('blob 11\0layers = 9\n'));
  assert.is(await sendObjects(local, shared, [project.git('rev-parse', 'HEAD')], []), false);
});

test('nothing is sent from a history that is cut off', async () => {
  const all = await scene();
  all.project.write('more', 'more\n');
  all.commit('second');
  const clone = join(scratchFolder(), 'shallow');
  execFileSync('git', ['clone', '--quiet', '--depth=1', `file://${all.project.path}`, clone]);
  const shallow = await discoverRepository(clone);
  assert.is(await sendObjects(shallow, all.shared, [scratchIn(clone).git('rev-parse', 'HEAD')], []), false);
  assert.is(all.count(), 0);
});

test('a repository that has gone is not made anew, and one that can not be written is no accident', async () => {
  const all = await scene();
  const head = all.project.git('rev-parse', 'HEAD');
  const away = `${all.shared.gitDir}.away`;
  renameSync(all.shared.gitDir, away);
  assert.is(await sendObjects(all.local, all.shared, [head], []), false);
  mkdirSync(all.shared.gitDir);
  assert.is(await sendObjects(all.local, all.shared, [head], []), false);
  assert.equal(readdirSync(all.shared.gitDir), []);
  rmSync(all.shared.gitDir, { recursive: true });
  renameSync(away, all.shared.gitDir);
  rmSync(all.shared.objectDir, { recursive: true });
  writeFileSync(all.shared.objectDir, 'no folder');
  assert.is(await sendObjects(all.local, all.shared, [head], []), false);
});

test.run();
