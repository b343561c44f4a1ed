import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeObject } from '../../src/git/encode-object.ts';
import { writeLooseObject } from '../../src/git/loose-objects.ts';
import { initBareRepository, type Repository } from '../../src/git/repository.ts';
import { openRepositoryConfig } from '../../src/git/repository-config.ts';
import { takeTidyLock, tidyLock } from '../../src/git/tidy-lock.ts';
import { tidyUp } from '../../src/git/tidy-up.ts';
import { until } from '../e2e/project.ts';
import { scratchFolder } from './scratch-repository.ts';

let made = 0;

/** So many loose objects, of which one commit leads to half. */
async function addObjects({ gitDir, objectDir }: Repository, count: number): Promise<void> {
  const git = (args: readonly string[], input: string) =>
    execFileSync('git', args, { cwd: gitDir, input, encoding: 'utf8' }).trim();
  const blobs = Array.from({ length: count }, (_, index) =>
    encodeObject('blob', `${made}/${index}\n`, 'sha1'),
  );
  for (const blob of blobs) await writeLooseObject(objectDir, blob, null);
  const entries = blobs.slice(0, count / 2).map(({ id }, index) => `100644 blob ${id}\t${index}\n`);
  const commit = git(['commit-tree', git(['mktree'], entries.join('')), '-m', 'objects'], '');
  git(['update-ref', `refs/x/${made}`, commit], '');
  made += 1;
}

const packs = ({ objectDir }: Repository, ending = 'pack') =>
  readdirSync(join(objectDir, 'pack')).filter((name) => name.endsWith(`.${ending}`));
const loose = ({ objectDir }: Repository) =>
  readdirSync(objectDir).flatMap((name) => (name.length === 2 ? readdirSync(join(objectDir, name)) : []));
const hasObjects = ({ gitDir }: Repository) =>
  Number(
    /^in-pack: (\d+)$/m.exec(
      execFileSync('git', ['count-objects', '-v'], { cwd: gitDir, encoding: 'utf8' }),
    )?.[1],
  );

async function tidied(repository: Repository): Promise<void> {
  await tidyUp(repository, await openRepositoryConfig(repository)());
  const quiet = () => loose(repository).length === 0 && !existsSync(tidyLock(repository.gitDir));
  await until(
    'the end of tidying up',
    () => quiet() && packs(repository).length === packs(repository, 'idx').length,
  );
}

async function scratch(...settings: [key: string, value: string][]): Promise<Repository> {
  const repository = await initBareRepository(join(scratchFolder(), 'shared.git'));
  for (const [key, value] of settings)
    execFileSync('git', ['config', key, value], { cwd: repository.gitDir });
  return repository;
}

test('what is loose is packed without going through what is there; once that is much more, all is', async () => {
  const repository = await scratch(['gc.auto', '1']);
  await addObjects(repository, 9_000);
  await tidied(repository);
  // What nothing leads to lies in a pack of its own, each with its age.
  assert.is(packs(repository, 'mtimes').length, 1);
  const [first] = packs(repository, 'bitmap');
  // Who serves a fetch from it need not sort its objects.
  assert.ok(first && packs(repository, 'rev').includes(first.replace(/bitmap$/, 'rev')));
  // By the folder that is looked into, some 256.
  await addObjects(repository, 160);
  await tidied(repository);
  assert.equal(packs(repository, 'bitmap'), [first]);
  assert.is(packs(repository).length, 3);
  assert.is(hasObjects(repository), 9_164);
  await addObjects(repository, 4_000);
  await tidied(repository);
  await until(
    'one pack of all',
    () => packs(repository, 'bitmap')[0] !== first && packs(repository).length === 2,
  );
  execFileSync('git', ['fsck', '--no-dangling', '--no-progress'], {
    cwd: repository.gitDir,
    stdio: 'ignore',
  });
});

test('many small packs are too many, also without loose objects', async () => {
  const repository = await scratch();
  for (let count = 0; count < 30; count += 1) {
    await addObjects(repository, 2);
    execFileSync('git', ['repack', '-d', '-q'], { cwd: repository.gitDir });
    execFileSync('git', ['prune', '--expire=now'], { cwd: repository.gitDir });
  }
  assert.is(packs(repository).length, 30);
  const empty = join(repository.gitDir, 'refs', 'x', 'queue', 'run-1');
  mkdirSync(empty, { recursive: true });
  utimesSync(empty, 0, 0);
  await tidied(repository);
  await until('one pack', () => packs(repository).length === 1);
  assert.not(existsSync(empty));
});

test('where it fails, all is left for an hour, and only what is new is packed', async () => {
  const repository = await scratch(['gc.auto', '1']);
  await addObjects(repository, 600);
  const log = join(repository.gitDir, 'dstack-tidy.log');
  writeFileSync(log, 'fatal: it failed\n');
  await tidied(repository);
  assert.equal(packs(repository, 'bitmap'), []);
  const twoHoursAgo = Date.now() / 1_000 - 2 * 3_600;
  utimesSync(log, twoHoursAgo, twoHoursAgo);
  await addObjects(repository, 600);
  await tidied(repository);
  await until('a pack of all', () => packs(repository, 'bitmap').length === 1 && !existsSync(log));
});

test('refs that go away meanwhile keep it from nothing', async () => {
  const repository = await scratch(['gc.auto', '1']);
  await addObjects(repository, 1_200);
  const commit = execFileSync('git', ['rev-parse', `refs/x/${made - 1}`], {
    cwd: repository.gitDir,
    encoding: 'utf8',
  }).trim();
  const busy = refsComeAndGo(repository.gitDir, commit);
  try {
    await tidied(repository);
  } finally {
    await busy.end();
  }
  assert.is(packs(repository, 'bitmap').length, 1);
  assert.not(existsSync(join(repository.gitDir, 'dstack-tidy.log')));
});

/** Creates and deletes refs as fast as it goes. */
function refsComeAndGo(cwd: string, commit: string): { end(): Promise<void> } {
  let ended = false;
  const all = (async () => {
    for (let round = 0; !ended; round += 1) {
      const names = Array.from({ length: 40 }, (_, index) => `refs/x/claims/${round}-${index}/job`);
      for (const words of [`create # ${commit}`, 'delete #']) {
        const input = names.map((name) => `${words.replace('#', name)}\n`).join('');
        execFileSync('git', ['update-ref', '--stdin'], { cwd, input });
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  })();
  return {
    end: () => {
      ended = true;
      return all;
    },
  };
}

test('one at a time tidies up; who was killed at it holds up nobody', async () => {
  const repository = await scratch(['gc.auto', '1']);
  await addObjects(repository, 600);
  assert.ok(await takeTidyLock(repository.gitDir));
  assert.not(await takeTidyLock(repository.gitDir));
  const before = loose(repository).length;
  await tidyUp(repository, await openRepositoryConfig(repository)());
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.is(loose(repository).length, before);
  const child = spawn('true', { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  writeFileSync(tidyLock(repository.gitDir), `${child.pid} ${hostname()}\n`);
  await tidied(repository);
});

for (const [key, value] of [
  ['gc.auto', '0'],
  ['receive.autogc', 'false'],
] as const) {
  test(`with ${key} ${value} nothing is done`, async () => {
    const repository = await scratch([key, value]);
    await addObjects(repository, 4_000);
    const before = loose(repository).length;
    await tidyUp(repository, await openRepositoryConfig(repository)());
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.is(loose(repository).length, before);
  });
}

test.run();
