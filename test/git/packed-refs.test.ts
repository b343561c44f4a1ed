import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isSorted, packedRefs } from '../../src/git/packed-refs.ts';
import { initBareRepository } from '../../src/git/repository.ts';
import { git } from '../../src/git/run-git.ts';
import { scratchFolder } from './scratch-repository.ts';

const names = [
  'refs/dstack/a',
  'refs/dstack/jobs-of-others/x',
  'refs/dstack/jobs/run-1/train',
  'refs/dstack/jobs/run-1/train2',
  'refs/dstack/jobs/run-10/train',
  'refs/dstack/jobs0/x',
  'refs/dstack/z',
  'refs/heads/grün',
  'refs/heads/main',
];
const prefixes = [
  ...names,
  ...['refs', 'refs/dstack', 'refs/dstack/jobs', 'refs/dstack/jobs/run-1', 'refs/dstack/jobs/run-10'],
  ...['refs/tags', 'refs/tags/v1', 'refs/aaa', 'refs/zzz', 'refs/dstack/jobs/run-1/trai'],
];

test('whatever is asked for, the same is found in a file of packed refs as Git finds', async () => {
  const { gitDir } = await initBareRepository(join(scratchFolder(), 'packed.git'));
  const tree = await git(['mktree'], { gitDir });
  const id = await git(['commit-tree', '-m', 'one', tree], { gitDir });
  const create = names.map((name) => `create ${name} ${id}\n`);
  await git(['update-ref', '--stdin'], { gitDir, input: create.join('') });
  // Below each stands what it is peeled to.
  for (const tag of ['v1', 'v2', 'v3']) await git(['tag', '-a', '-m', tag, tag, id], { gitDir });
  await git(['pack-refs', '--all', '--prune'], { gitDir });
  const content = readFileSync(join(gitDir, 'packed-refs'));
  assert.ok(isSorted(content));
  for (const prefix of prefixes) {
    const listed = await git(['for-each-ref', '--format=%(refname) %(objectname)', prefix], { gitDir });
    const all = [...packedRefs(content, prefix, true)].map((entry) => entry.join(' '));
    assert.is(all.join('\n'), listed, prefix);
    const exact = [...packedRefs(content, prefix, false)].map(([ref]) => ref);
    assert.equal(exact, names.concat('refs/tags/v1').includes(prefix) ? [prefix] : [], prefix);
  }
});

test('a file without refs, one that is not sorted, and one that is damaged', () => {
  assert.ok(isSorted(Buffer.alloc(0)));
  assert.equal([...packedRefs(Buffer.alloc(0), 'refs', true)], []);
  const header = '# pack-refs with: peeled fully-peeled sorted \n';
  assert.equal([...packedRefs(Buffer.from(header), 'refs', true)], []);
  assert.not(isSorted(Buffer.from('# pack-refs with: peeled fully-peeled \n')));
  assert.not(isSorted(Buffer.from(`${'a'.repeat(40)} refs/heads/main\n`)));
  for (const line of [
    'refs/heads/main\n',
    `${'a'.repeat(39)} refs/heads/main\n`,
    `${'x'.repeat(40)} refs/heads/main\n`,
  ])
    assert.throws(() => [...packedRefs(Buffer.from(header + line), 'refs', true)], /packed-refs/);
});

test.run();
