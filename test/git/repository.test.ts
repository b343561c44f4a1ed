import { chownSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DstackError } from '../../src/errors.ts';
import {
  discoverRepository,
  initBareRepository,
  openRepository,
  type Repository,
} from '../../src/git/repository.ts';
import { git } from '../../src/git/run-git.ts';
import { type Scratch, scratchFolder, scratchProject } from './scratch-repository.ts';

const config = (...lines: string[]) =>
  ['[core]', '\trepositoryformatversion = 0', '\tbare = true', ...lines, ''].join('\n');

const names = ['--git-dir', '--git-common-dir', '--git-path', 'objects', '--show-object-format'];
const describe = ['rev-parse', '--path-format=absolute', ...names];

const lines = ({ gitDir, commonDir, objectDir, objectFormat }: Repository) => [
  gitDir,
  commonDir,
  objectDir,
  objectFormat,
];

/** What may be in a bare repository, by the name of a file. */
const kinds: Record<string, (folder: string) => unknown> = {
  'as it is made': () => {},
  'of SHA-256': async (folder) => {
    renameSync(folder, `${folder}.sha1`);
    await git(['init', '--quiet', '--bare', '--object-format=sha256', folder], { cwd: join(folder, '..') });
  },
  'with a commit as its HEAD': (folder) => writeFileSync(join(folder, 'HEAD'), `${'1'.repeat(40)}\n`),
  'with other settings': (folder) =>
    writeFileSync(join(folder, 'config'), config('[receive]', '\tdenyDeletes = true')),
  'that only seems to be bare': (folder) =>
    writeFileSync(join(folder, 'config'), config('[core]', '\tbare = no')),
  'with a work tree elsewhere': (folder) => {
    mkdirSync(`${folder}.tree`);
    writeFileSync(join(folder, 'config'), config(`\tworktree = ${folder}.tree`).replace('= true', '= false'));
  },
  'with its objects and refs elsewhere': (folder) => {
    renameSync(folder, `${folder}.common`);
    mkdirSync(join(folder, 'objects'), { recursive: true });
    mkdirSync(join(folder, 'refs'));
    writeFileSync(join(folder, 'commondir'), `${folder}.common\n`);
    writeFileSync(join(folder, 'HEAD'), 'ref: refs/heads/main\n');
    writeFileSync(join(folder, 'config'), config());
  },
};

for (const [kind, make] of Object.entries(kinds)) {
  test(`a repository ${kind} is opened as Git sees it`, async () => {
    const folder = join(scratchFolder(), 'shared.git');
    await initBareRepository(folder);
    await make(folder);
    const opened = await openRepository(folder);
    const seen = await git([...describe, '--is-bare-repository'], { gitDir: folder, cwd: folder });
    assert.is([...lines(opened), opened.workTree === null].join('\n'), seen);
  });
}

/** Makes a place in a project, and says where that is. */
const places: Record<string, (project: Scratch) => string> = {
  'the top of a work tree': ({ path }) => path,
  'a folder of it': ({ path }) => join(path, 'src/data'),
  'a link to a folder of it': ({ path }) => {
    symlinkSync(join(path, 'src/data'), `${path}.link`);
    return `${path}.link`;
  },
  'a repository within it': ({ path, git }) => {
    git('init', '--quiet', 'src/data/inner');
    return join(path, 'src/data/inner');
  },
  'a bare repository within it': ({ path, git }) => {
    git('init', '--quiet', '--bare', 'bare.git');
    return join(path, 'bare.git/refs');
  },
  'another work tree of it': ({ path, git }) => {
    git('worktree', 'add', '--quiet', '-b', 'other', `${path}.tree`);
    return join(`${path}.tree`, 'src');
  },
  'a project whose work tree is elsewhere': ({ path, git }) => {
    mkdirSync(`${path}.tree`);
    git('config', 'core.worktree', `${path}.tree`);
    return path;
  },
  'a project of SHA-256': ({ path, git }) => {
    git('init', '--quiet', '--object-format=sha256', 'src/data/new');
    return join(path, 'src/data/new');
  },
  'a folder that only looks like a repository': ({ path }) => {
    mkdirSync(join(path, 'src/.git'));
    return join(path, 'src/data');
  },
};

for (const [place, make] of Object.entries(places)) {
  test(`from ${place} the repository is found that Git finds`, async () => {
    const folder = make(scratchProject());
    const found = await discoverRepository(folder);
    const top = found.workTree === null ? [] : ['--show-toplevel'];
    const seen = await git([...describe, ...top], { cwd: folder });
    assert.is([...lines(found), ...(found.workTree === null ? [] : [found.workTree])].join('\n'), seen);
  });
}

test('a repository is not looked for above a limit that is set, nor taken from a stranger', async () => {
  const { path } = scratchProject();
  const refused = (folder: string) =>
    discoverRepository(folder).then(
      () => null,
      ({ code, hint }: DstackError) => `${code}: ${hint}`,
    );
  assert.is(await refused(join(path, 'src')), null);
  assert.match((await refused(join(path, '.git/refs'))) as string, /^git-failed/);
  process.env.GIT_CEILING_DIRECTORIES = path;
  assert.match((await refused(join(path, 'src'))) as string, /^not-a-repository: run `git init`/);
  delete process.env.GIT_CEILING_DIRECTORIES;
  if (process.geteuid?.() !== 0) return;
  for (const name of ['', '.git']) chownSync(join(path, name), 4711, 4711);
  assert.match((await refused(path)) as string, /safe\.directory/);
});

test('what Git does not take for a repository is none', async () => {
  const spoiled: Record<string, (folder: string) => void> = {
    'a HEAD of something else': (folder) => writeFileSync(join(folder, 'HEAD'), 'nonsense\n'),
    'an unknown format': (folder) =>
      writeFileSync(join(folder, 'config'), config().replace('version = 0', 'version = 9')),
    'no objects': (folder) => renameSync(join(folder, 'objects'), join(folder, 'away')),
  };
  for (const [kind, spoil] of Object.entries(spoiled)) {
    const folder = join(scratchFolder(), 'shared.git');
    await initBareRepository(folder);
    spoil(folder);
    const opened = await openRepository(folder).catch((error: { code: string }) => error.code);
    assert.is(opened, 'not-a-repository', kind);
  }
});

test.run();
