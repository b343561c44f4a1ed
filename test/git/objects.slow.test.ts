import assert from 'node:assert';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import { openObjectReader, parseCommit, parseTrailers, parseTree } from '../../src/git/object-reader.ts';
import { initBareRepository, type Repository } from '../../src/git/repository.ts';
import { git } from '../../src/git/run-git.ts';
import { writeCommits } from '../../src/git/write-commits.ts';

const author = { name: 'Ann <A>', email: 'ann@example.org', time: 1_700_000_000_000 };

for (const objectFormat of ['sha1', 'sha256'] as const) {
  const test = suite<{ folder: string; repository: Repository }>(`objects, ${objectFormat}`);

  test.before.each(async (context) => {
    context.folder = mkdtempSync(join(tmpdir(), 'objects-'));
    context.repository = await initBareRepository(join(context.folder, 'a repository.git'), { objectFormat });
  });
  test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

  test('commits are written with their trees, and no ref of the repository moves', async ({ repository }) => {
    const odd = 'a "quoted"\\ name\nüñ';
    const bytes = randomBytes(300_000);
    const [first, second] = await writeCommits(repository, [
      {
        parents: [],
        files: [
          { path: 'log/00/01', content: bytes },
          { path: odd, content: '' },
        ],
        message: 'one\n',
        author,
      },
      { parents: [':1'], files: [{ path: 'only', content: 'x' }], message: 'two\n\nKey: value\n', author },
    ]);
    const reader = openObjectReader(repository.gitDir);
    try {
      assert.deepEqual((await reader.read(`${first}:log/00/01`))?.content, bytes);
      const names = await git(['ls-tree', '-z', '--name-only', `${first}`], { gitDir: repository.gitDir });
      assert.deepEqual(names.split('\0').filter(Boolean).sort(), [odd, 'log'].sort());
      const commit = parseCommit((await reader.read(second as string))?.content as Buffer);
      assert.deepEqual(commit.parents, [first]);
      assert.equal(commit.committedAt, author.time);
      assert.equal(commit.author, 'Ann A <ann@example.org>');
      assert.deepEqual(parseTrailers(commit.message), [['Key', 'value']]);
      const tree = parseTree(
        (await reader.read(commit.tree))?.content as Buffer,
        objectFormat === 'sha1' ? 20 : 32,
      );
      assert.deepEqual(
        tree.map(({ mode, name }) => [mode, name]),
        [['100644', 'only']],
      );
    } finally {
      reader.close();
    }
    assert.equal(await git(['for-each-ref'], { gitDir: repository.gitDir }), '');
    assert.deepEqual(readdirSync(join(repository.gitDir, 'dstack/scratch.git/refs/heads')), []);
    await git(['fsck', '--strict', '--no-dangling'], { gitDir: repository.gitDir });
  });

  test('of a commit with headers that bear the names of others only those count that Git reads', async () => {
    const [tree, other] = ['a'.repeat(40), 'b'.repeat(40)];
    const who = 'Ann <ann@example.org> 1764021600 +0000';
    const read = (parents: string) =>
      parseCommit(
        Buffer.from(
          `tree ${tree}\n${parents}author ${who}\ncommitter ${who}\ntree ${other}\nparent ${other}\nauthor Eve <> 1 +0000\n\nx`,
        ),
      );
    assert.equal(read('').tree, tree);
    assert.deepEqual(read('').parents, []);
    assert.deepEqual(read(`parent ${tree}\nparent ${other}\n`).parents, [tree, other]);
    assert.equal(read('').author, 'Ann <ann@example.org>');
    assert.equal(read('').message, 'x');
  });

  test('a commit builds on a tree and existing objects', async ({ repository }) => {
    const [first] = await writeCommits(repository, [
      {
        parents: [],
        files: [
          { path: 'log/00', content: 'a' },
          { path: 'state', content: '1' },
        ],
        message: 'one',
        author,
      },
    ]);
    const reader = openObjectReader(repository.gitDir);
    try {
      const tree = parseCommit((await reader.read(first as string))?.content as Buffer).tree;
      const log = await reader.read(`${first}:log`);
      const [second, third] = await writeCommits(repository, [
        {
          parents: [],
          baseTree: tree,
          files: [
            { path: 'log/01', content: 'b' },
            { path: 'state', content: '2' },
          ],
          message: '2',
          author,
        },
        {
          parents: [],
          files: [{ path: 'kept', id: log?.id as string, mode: '040000' }],
          message: '3',
          author,
        },
      ]);
      const list = (commit: string) =>
        git(['ls-tree', '-r', '--name-only', commit], { gitDir: repository.gitDir });
      assert.equal(await list(second as string), 'log/00\nlog/01\nstate');
      assert.equal((await reader.read(`${second}:state`))?.content.toString(), '2');
      assert.equal(await list(third as string), 'kept/00');
    } finally {
      reader.close();
    }
  });

  test('a reader answers many questions at once, in order, and sees what arrives later', async ({
    repository,
  }) => {
    const reader = openObjectReader(repository.gitDir);
    try {
      assert.equal(await reader.read('no-such-thing'), null);
      assert.equal(await reader.read('a\nb'), null);
      assert.equal(await reader.read('0'.repeat(objectFormat === 'sha256' ? 64 : 40)), null);
      const contents = Array.from({ length: 200 }, (_, index) => randomBytes(index * 37));
      const [commit] = await writeCommits(repository, [
        {
          parents: [],
          files: contents.map((content, index) => ({ path: `f${index}`, content })),
          message: '',
          author,
        },
      ]);
      const read = await Promise.all(contents.map((_, index) => reader.read(`${commit}:f${index}`)));
      assert.deepEqual(
        read.map((object) => object?.content),
        contents,
      );
    } finally {
      reader.close();
    }
  });

  test('a reader that was closed starts another process', async ({ repository }) => {
    const [commit] = await writeCommits(repository, [{ parents: [], files: [], message: 'x', author }]);
    const reader = openObjectReader(repository.gitDir);
    try {
      assert.ok(await reader.read(commit as string));
      reader.close();
      assert.ok(await reader.read(commit as string));
    } finally {
      reader.close();
    }
  });

  test('a parent that is no commit id is refused before Git sees it', async ({ repository }) => {
    await assert.rejects(
      writeCommits(repository, [{ parents: ['HEAD'], files: [], message: '', author }]),
      /not a commit/,
    );
    assert.equal(existsSync(join(repository.gitDir, 'fast_import_crash_1')), false);
  });

  test.run();
}
