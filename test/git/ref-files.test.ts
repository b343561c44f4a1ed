import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRefFiles } from '../../src/git/ref-files.ts';
import { listRefs } from '../../src/git/refs.ts';
import { initBareRepository } from '../../src/git/repository.ts';
import { git } from '../../src/git/run-git.ts';
import { scratchFolder } from './scratch-repository.ts';

/** A bare repository with two commits, a reader of its files, and what sets its refs. */
async function scratch() {
  const repository = await initBareRepository(join(scratchFolder(), 'refs.git'));
  const { gitDir } = repository;
  const tree = await git(['mktree'], { gitDir });
  const [one, two] = await Promise.all(
    ['one', 'two'].map((message) => git(['commit-tree', '-m', message, tree], { gitDir })),
  );
  const set = (ref: string, id: string = one as string) => git(['update-ref', ref, id], { gitDir });
  return { ...repository, files: openRefFiles(repository), set, one: one as string, two: two as string };
}

const prefixes = ['refs/dstack/queue', 'refs/dstack/jobs/run-1/train', 'refs/heads', 'refs/dstack/none/'];

test('loose, packed, both, deleted: the same as what Git lists', async () => {
  const { gitDir, files, set, two } = await scratch();
  const check = async (asked: readonly string[] = prefixes) => {
    const wanted = await listRefs(gitDir, asked);
    assert.equal([...(files.list(asked) ?? [])], [...wanted]);
    return wanted.size;
  };
  assert.is(await check(), 0);
  await set('refs/heads/main');
  await set('refs/heads/a/b');
  await set('refs/heads/grün');
  await set('refs/dstack/queue/run-1/train');
  await set('refs/dstack/queue/run-1/train2');
  await set('refs/dstack/queue-of-others/run-1/train');
  await set('refs/dstack/jobs/run-1/train');
  await set('refs/dstack/jobs/run-1/train2');
  assert.is(await check(), 6);
  await git(['pack-refs', '--all'], { gitDir });
  assert.is(await check(), 6);
  await set('refs/dstack/queue/run-1/train', two);
  await set('refs/dstack/queue/run-2/train');
  assert.is(await check(), 7);
  await git(['update-ref', '-d', 'refs/dstack/queue/run-1/train2'], { gitDir });
  await git(['update-ref', '-d', 'refs/dstack/queue/run-2/train'], { gitDir });
  assert.is(await check(), 5);
  assert.is(await check(['refs/dstack']), 4);
  writeFileSync(join(gitDir, 'refs/heads/main.lock'), '');
  assert.is(await check(), 5);
});

test('single refs, loose and packed, whatever lies below or beside them', async () => {
  const { gitDir, files, set, one, two } = await scratch();
  const asked = ['refs/heads', 'refs/heads/main', 'refs/dstack/none', 'refs/heads/other'];
  await set('refs/heads/main');
  await set('refs/heads/main2');
  // More than are read one by one.
  const many = Array.from({ length: 120 }, (_, index) => `create refs/heads/many/${index} ${one}\n`);
  await git(['update-ref', '--stdin'], { gitDir, input: many.join('') });
  assert.equal([...(files.tips(asked) ?? [])], [['refs/heads/main', one]]);
  await git(['pack-refs', '--all'], { gitDir });
  assert.equal([...(files.tips(asked) ?? [])], [['refs/heads/main', one]]);
  await set('refs/heads/other', two);
  assert.equal(
    [...(files.tips(asked) ?? [])],
    [
      ['refs/heads/main', one],
      ['refs/heads/other', two],
    ],
  );
});

test('what only Git can judge is left to it', async () => {
  const spoilt: Record<string, (gitDir: string) => void> = {
    'a symbolic ref': (gitDir) => writeFileSync(join(gitDir, 'refs/heads/link'), 'ref: refs/heads/main\n'),
    'a link': (gitDir) => symlinkSync('main', join(gitDir, 'refs/heads/link')),
    'an empty ref': (gitDir) => writeFileSync(join(gitDir, 'refs/heads/empty'), ''),
    'an id of zeros': (gitDir) => writeFileSync(join(gitDir, 'refs/heads/zeros'), `${'0'.repeat(40)}\n`),
    'a name that Git refuses': (gitDir) =>
      writeFileSync(join(gitDir, 'refs/heads/a b'), `${'a'.repeat(40)}\n`),
    'packed refs that are cut off': (gitDir) =>
      writeFileSync(join(gitDir, 'packed-refs'), 'abc refs/heads/main\n'),
    'no HEAD': (gitDir) => rmSync(join(gitDir, 'HEAD')),
    'no objects': (gitDir) => rmSync(join(gitDir, 'objects'), { recursive: true }),
    'refs in tables': (gitDir) => mkdirSync(join(gitDir, 'reftable')),
    'very many': (gitDir) => {
      for (let index = 0; index < 150; index += 1)
        writeFileSync(join(gitDir, `refs/heads/b-${index}`), `${'a'.repeat(40)}\n`);
    },
  };
  for (const [what, spoil] of Object.entries(spoilt)) {
    const { gitDir, files, set } = await scratch();
    await set('refs/heads/main');
    assert.is(files.list(['refs/heads'])?.size, 1, what);
    spoil(gitDir);
    assert.is(files.list(['refs/heads']), null, what);
  }
  const { files } = await scratch();
  for (const prefix of ['refs', 'HEAD', 'refs/bisect', 'refs/../config', 'refs/heads/*']) {
    assert.is(files.list([prefix]), null, prefix);
  }
});

test('a ref that is always there is always seen, while it moves and is packed', async () => {
  const { gitDir, files, set, one, two } = await scratch();
  await set('refs/dstack/claims/run-1/train');
  const script = `for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    git update-ref refs/dstack/claims/run-1/train ${two} && git update-ref refs/dstack/claims/run-1/other ${one} &&
    git pack-refs --all --prune && git update-ref refs/dstack/claims/run-1/train ${one} &&
    git update-ref -d refs/dstack/claims/run-1/other || exit 1
  done`;
  const writer = spawn('sh', ['-c', script], { cwd: gitDir, stdio: 'ignore' });
  const ended = once(writer, 'exit');
  let reads = 0;
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const seen = files.list(['refs/dstack/claims']);
    // Git may be asked at any time; but what is said has to be true.
    if (seen) assert.ok([one, two].includes(seen.get('refs/dstack/claims/run-1/train') ?? ''));
    reads += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await ended, [0, null]);
  assert.ok(reads > 100);
});

test.run();
