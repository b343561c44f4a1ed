import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { initBareRepository, openRepository } from '../../src/git/repository.ts';
import { git } from '../../src/git/run-git.ts';
import { scratchFolder } from './scratch-repository.ts';

const config = (...lines: string[]) =>
  ['[core]', '\trepositoryformatversion = 0', '\tbare = true', ...lines, ''].join('\n');

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
    const { gitDir, commonDir, objectDir, objectFormat, workTree } = await openRepository(folder);
    const names = ['--git-dir', '--git-common-dir', '--git-path', 'objects', '--show-object-format'];
    const seen = await git(['rev-parse', '--path-format=absolute', ...names, '--is-bare-repository'], {
      gitDir: folder,
      cwd: folder,
    });
    assert.is([gitDir, commonDir, objectDir, objectFormat, workTree === null].join('\n'), seen);
  });
}

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
