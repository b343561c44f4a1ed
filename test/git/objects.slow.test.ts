import assert from 'node:assert';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import { importCommits } from '../../src/git/import-commits.ts';
import { openObjectReader, parseCommit, parseTrailers, parseTree } from '../../src/git/object-reader.ts';
import { initBareRepository, type Repository } from '../../src/git/repository.ts';
import { git } from '../../src/git/run-git.ts';
import { type CommitInput, writeCommits } from '../../src/git/write-commits.ts';

const author = { name: 'Ann <A>', email: 'ann@example.org', time: 1_700_000_000_000 };

for (const objectFormat of ['sha1', 'sha256'] as const) {
  const test = suite<{ folder: string; repository: Repository }>(`objects, ${objectFormat}`);

  test.before.each(async (context) => {
    context.folder = mkdtempSync(join(tmpdir(), 'objects-'));
    context.repository = await initBareRepository(join(context.folder, 'a repository.git'), { objectFormat });
  });
  test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

  test('what many files of a commit have in common is held once', async ({ folder, repository }) => {
    const content = 'a run of many jobs\n'.repeat(50_000);
    const of = (count: number): CommitInput => ({
      parents: [],
      files: Array.from({ length: count }, (_, index) => ({ path: `cache/${index}`, content })),
      message: 'one\n',
      author,
    });
    const packed = await initBareRepository(join(folder, 'packed.git'), { objectFormat });
    assert.deepEqual(await importCommits(packed, [of(3)]), await writeCommits(repository, [of(3)]));
    const before = process.resourceUsage().maxRSS;
    const [commit = ''] = await importCommits(packed, [of(600)]);
    const grown = process.resourceUsage().maxRSS - before;
    assert.ok(grown * 1024 < 300 * content.length, `${grown} KiB`);
    const listed = await git(['ls-tree', '-r', commit], { gitDir: packed.gitDir });
    const ids = listed
      .trim()
      .split('\n')
      .map((line) => line.split(/\s/)[2]);
    assert.deepEqual([ids.length, new Set(ids).size], [600, 1]);
  });

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
    await git(['fsck', '--strict', '--no-dangling'], { gitDir: repository.gitDir });
  });

  test('the same commits, written as files of their own and as a pack, have the same ids, and Git finds them sound', async ({
    folder,
    repository,
  }) => {
    const packed = await initBareRepository(join(folder, 'packed.git'), { objectFormat });
    const first: CommitInput = {
      parents: [],
      files: [
        { path: 'log/000001', content: 'one\n' },
        { path: 'log/deep/er', content: randomBytes(100_000) },
        { path: 'log.txt', content: 'x' },
        { path: 'log-', content: 'y' },
        { path: 'a "quoted"\\ name\nüñ', content: '' },
      ],
      message: 'one\n\nKey: value\n',
      author,
    };
    const commits = async (write: typeof writeCommits, into: Repository) => {
      const [one = ''] = await write(into, [first]);
      const reader = openObjectReader(into.gitDir);
      const tree = parseCommit((await reader.read(one))?.content as Buffer).tree;
      const log = (await reader.read(`${one}:log`))?.id as string;
      const file = (await reader.read(`${one}:log.txt`))?.id as string;
      reader.close();
      const rest = await write(into, [
        {
          parents: [one],
          baseTree: tree,
          files: [{ path: 'log/000002', content: 'two' }],
          message: '',
          author,
        },
        {
          parents: [':1', one],
          baseTree: tree,
          files: [{ path: 'log', content: 'no folder' }],
          message: 'm',
          author,
        },
        {
          parents: [':2', ':1'],
          baseTree: null,
          files: [
            { path: 'kept', id: log, mode: '040000' },
            { path: 'kept/deep/new', content: 'n' },
            { path: 'kept/deep/er', id: file, mode: '100755' },
            { path: 'file', content: 'f' },
            { path: 'file/now/a/folder', content: 'g' },
          ],
          message: 'last',
          author: { name: '<>', email: '', time: 1_700_000_000_999 },
        },
      ]);
      return [one, ...rest];
    };
    const ids = await commits(writeCommits, repository);
    assert.deepEqual(ids, await commits(importCommits, packed));
    const { gitDir } = repository;
    for (const [index, id] of ids.entries()) await git(['update-ref', `refs/heads/${index}`, id], { gitDir });
    assert.equal(await git(['fsck', '--strict', '--no-dangling', '--no-progress'], { gitDir }), '');
    const readable = (path: string) => (statSync(join(gitDir, 'objects', path)).mode & 0o777).toString(8);
    assert.equal(readable(join((ids[0] as string).slice(0, 2), (ids[0] as string).slice(2))), '444');
    assert.equal((await git(['count-objects', '-v'], { gitDir })).match(/^(garbage|packs): [^0]/m), null);
  });

  test('what is there already is not written again, but counts as new; what a power cut has emptied is', async ({
    repository,
  }) => {
    const input: CommitInput = { parents: [], files: [{ path: 'a', content: 'a' }], message: 'x', author };
    const [id = ''] = await writeCommits(repository, [input]);
    const path = join(repository.objectDir, id.slice(0, 2), id.slice(2));
    utimesSync(path, 1, 1);
    const { ino } = statSync(path);
    assert.deepEqual(await writeCommits(repository, [input]), [id]);
    assert.equal(statSync(path).ino, ino);
    assert.ok(statSync(path).mtimeMs > Date.now() - 60_000);
    rmSync(path);
    writeFileSync(path, '');
    await writeCommits(repository, [input]);
    await git(['cat-file', 'commit', id], { gitDir: repository.gitDir });
  });

  test('many at once, or much, become a pack; what is missing beneath is an error and leaves nothing', async ({
    repository,
  }) => {
    const many = Array.from({ length: 200 }, (_, index) => ({
      parents: index === 0 ? [] : [`:${index}`],
      files: [{ path: 'n', content: `${index}` }],
      message: `${index}`,
      author,
    }));
    assert.equal((await writeCommits(repository, many)).length, 200);
    const counted = await git(['count-objects', '-v'], { gitDir: repository.gitDir });
    assert.match(counted, /^count: 0$/m);
    assert.match(counted, /^packs: 1$/m);
    const files = Array.from({ length: 600 }, (_, index) => ({ path: `${index}`, content: `file ${index}` }));
    await writeCommits(repository, [{ parents: [], files, message: '', author }]);
    assert.match(await git(['count-objects'], { gitDir: repository.gitDir }), /^0 objects/);
    const nowhere = 'a'.repeat(objectFormat === 'sha256' ? 64 : 40);
    const plain = { parents: [], files: [{ path: 'a', content: 'a' }], message: '', author };
    for (const wrong of [
      { ...plain, parents: [nowhere] },
      { ...plain, baseTree: nowhere },
      { ...plain, files: [{ path: 'b', id: nowhere }] },
    ]) {
      await assert.rejects(writeCommits(repository, [wrong]), { code: 'git-failed', message: /missing/ });
    }
    for (const path of ['../a', '/a', 'a//b', '.git/config', '']) {
      await assert.rejects(
        writeCommits(repository, [{ ...plain, files: [{ path, content: '' }] }]),
        /not a path in a tree/,
      );
    }
    assert.match(await git(['count-objects'], { gitDir: repository.gitDir }), /^0 objects/);
  });

  test('a repository that others write to, too, stays open to them', async ({ repository }) => {
    const input = { parents: [], files: [], message: '', author };
    for (const [value, file, folder] of [
      ['group', '444', '2775'],
      ['0640', '440', '2750'],
      ['umask', '444', '755'],
    ] as const) {
      const { gitDir, objectDir } = await initBareRepository(join(repository.gitDir, value), {
        objectFormat,
      });
      await git(['config', 'core.sharedRepository', value], { gitDir });
      const [id = ''] = await writeCommits({ ...repository, gitDir, objectDir, commonDir: gitDir }, [input]);
      const mode = (path: string) => (statSync(join(objectDir, path)).mode & 0o7777).toString(8);
      assert.equal(mode(join(id.slice(0, 2), id.slice(2))), file, value);
      assert.equal(mode(id.slice(0, 2)), folder, value);
    }
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
