import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkOut } from '../../src/git/checkout.ts';
import { discoverRepository } from '../../src/git/repository.ts';
import { takeSnapshot } from '../../src/git/snapshot.ts';
import {
  enterMissingFiles,
  readTree,
  type Scratch,
  scratchFolder,
  scratchIn,
  scratchProject,
  scratchRepository,
  userState,
} from './scratch-repository.ts';

interface Expectation {
  /** Where the snapshot is taken, if not at the top of the project. */
  from?: string;
  /** The project, if it is another than the one given. */
  project?: Scratch;
  /** Paths that are in the work tree and must not be in the snapshot. */
  without?: string[];
  /** What it warns of. */
  warns?: RegExp;
  /** The repository's own settings convert content, so that only Git's own checkout gives the same bytes. */
  converts?: boolean;
}

/** Each brings a project into a situation in which the snapshot must equal the work tree. */
const situations: Record<string, (project: Scratch) => Expectation | undefined> = {
  'nothing changed': () => undefined,
  'staged, unstaged, untracked and deleted': (project) => {
    project.write('train.py', 'print("staged")\n');
    project.git('add', 'train.py');
    project.write('train.py', 'print("unstaged")\n');
    project.write('notes/new.txt', 'new\n');
    project.write('staged.txt', 'staged\n');
    project.git('add', 'staged.txt');
    project.remove('src/model.py');
    project.git('rm', '--quiet', '--cached', 'src/data/load.py');
    return undefined;
  },
  'permission to execute': (project) => {
    project.write('run.sh', '#!/bin/sh\n', 0o644);
    project.write('train.py', 'print("train")\n', 0o755);
    project.write('new.sh', '#!/bin/sh\n', 0o755);
    return undefined;
  },
  'symbolic links, dangling and outward ones too': (project) => {
    project.remove('train.py');
    for (const [name, target] of Object.entries({
      'train.py': 'src/model.py',
      dangling: 'nowhere',
      outward: '/etc/passwd',
      folder: 'src',
    }))
      symlinkSync(target, join(project.path, name));
    return undefined;
  },
  'names with spaces, newlines, leading dashes, quotes, other alphabets and no UTF-8': (project) => {
    for (const name of [
      'a b',
      'line\nbreak',
      '-u',
      '--all',
      'Привет/данные',
      '"quoted"',
      'tab\t',
      ':(glob)x',
      '*',
      '!x',
    ])
      project.write(name, `${name}\n`);
    writeFileSync(
      Buffer.concat([Buffer.from(`${project.path}/`), Buffer.from([0x66, 0xff, 0xe9])]),
      'bytes\n',
    );
    project.git('add', '--', '-u', ':(top,literal)line\nbreak');
    project.write('-u', 'changed\n');
    return undefined;
  },
  'ignored files': (project) => {
    project.write('train.log', 'ignored\n');
    project.write('out/model.bin', 'ignored\n');
    project.write('.git/info/exclude', 'private\n');
    project.write('private', 'ignored\n');
    project.write('src/.gitignore', 'scratch\n');
    project.write('src/scratch', 'ignored\n');
    project.write('.git/global-ignore', '*.swp\n');
    project.git('config', 'core.excludesFile', join(project.path, '.git/global-ignore'));
    project.write('src/a.swp', 'ignored\n');
    return { without: ['train.log', 'out/model.bin', 'private', 'src/scratch', 'src/a.swp'] };
  },
  'a .dstackignore, which has the last word, and does not concern tracked files': (project) => {
    project.write('.gitignore', '!keep.bin\n*.csv\n');
    project.write('.dstackignore', '\ufeff# large\r\n*.bin\r\n/src/model.py\ntrailing \\ \n!wanted.csv\n');
    project.write('keep.bin', 'ignored\n');
    project.write('trailing  ', 'ignored\n');
    project.write('other.csv', 'ignored\n');
    project.write('wanted.csv', 'taken\n');
    project.write('src/model.py', 'layers = 3\n');
    return { without: ['keep.bin', 'trailing  ', 'other.csv'] };
  },
  'a commit does not exist yet': () => {
    const project = scratchRepository();
    project.write('staged.txt', 'staged\n');
    project.git('add', '--all');
    project.write('staged.txt', 'changed\n');
    project.write('untracked.txt', 'untracked\n');
    return { project };
  },
  'nothing exists yet': () => ({ project: scratchRepository() }),
  'SHA-256': () => {
    const project = scratchRepository('--object-format=sha256');
    project.write('file.txt', 'content\n');
    return { project };
  },
  'a detached HEAD': (project) => {
    project.git('checkout', '--quiet', '--detach');
    project.write('train.py', 'detached\n');
    return undefined;
  },
  'a linked worktree': (project) => {
    const path = join(scratchFolder(), 'linked');
    project.git('worktree', 'add', '--quiet', '-b', 'other', path);
    const linked = scratchIn(path);
    linked.write('train.py', 'linked\n');
    linked.git('add', '--all');
    linked.write('new.txt', 'new\n');
    project.write('train.py', 'not this one\n');
    return { project: linked };
  },
  'a shallow clone': (project) => {
    project.git('commit', '--quiet', '--allow-empty', '--message=second');
    const path = join(scratchFolder(), 'shallow');
    project.git('clone', '--quiet', '--depth=1', `file://${project.path}`, path);
    const shallow = scratchIn(path);
    shallow.write('new.txt', 'new\n');
    return { project: shallow };
  },
  'the middle of a merge': (project) => {
    project.git('checkout', '--quiet', '-b', 'other');
    project.write('train.py', 'theirs\n');
    project.write('src/model.py', 'theirs\n');
    project.git('commit', '--quiet', '--all', '--message=theirs');
    project.git('checkout', '--quiet', 'main');
    project.write('train.py', 'ours\n');
    project.git('rm', '--quiet', 'src/model.py');
    project.git('commit', '--quiet', '--all', '--message=ours');
    assert.throws(() => project.git('merge', 'other'));
    project.remove('src/model.py');
    return undefined;
  },
  'a subfolder': (project) => {
    project.write('train.py', 'above\n');
    project.write('above.txt', 'above\n');
    project.write('src/data/below.txt', 'below\n');
    return { from: join(project.path, 'src/data') };
  },
  'entries announced by --intent-to-add': (project) => {
    project.write('announced.txt', 'content\n');
    project.write('announced-empty.txt', '');
    project.write('announced-gone.txt', 'gone\n');
    project.git('add', '--intent-to-add', '--all');
    project.remove('announced-gone.txt');
    return undefined;
  },
  'entries assumed unchanged, or skipped without a sparse checkout': (project) => {
    project.git('update-index', '--assume-unchanged', 'train.py', 'run.sh');
    project.git('update-index', '--skip-worktree', 'src/model.py', 'src/data/load.py');
    project.write('train.py', 'changed\n');
    project.write('src/model.py', 'changed\n');
    project.remove('run.sh', 'src/data/load.py');
    return undefined;
  },
  'an entry that is both assumed unchanged and skipped': (project) => {
    project.git('update-index', '--assume-unchanged', 'train.py');
    project.git('update-index', '--skip-worktree', 'train.py');
    project.write('train.py', 'changed\n');
    return undefined;
  },
  'core.ignoreStat': (project) => {
    project.git('config', 'core.ignoreStat', 'true');
    project.write('src/model.py', 'layers = 3\n');
    project.git('add', 'src/model.py');
    project.write('src/model.py', 'layers = 4 or so\n');
    return undefined;
  },
  'a file in the place of a folder, and the reverse': (project) => {
    project.remove('src', 'train.py');
    project.write('src', 'now a file\n');
    project.write('train.py/inside.txt', 'now a folder\n');
    return undefined;
  },
  'a link in the place of a folder': (project) => {
    renameSync(join(project.path, 'src'), join(project.path, 'moved'));
    symlinkSync('moved', join(project.path, 'src'));
    return undefined;
  },
  'a link in the place of a folder, to one with other files': (project) => {
    renameSync(join(project.path, 'src'), join(project.path, 'moved'));
    project.write('moved/model.py', 'other\n');
    project.write('moved/data/load.py', 'other\n');
    symlinkSync('moved', join(project.path, 'src'));
    return undefined;
  },
  'an ignored link in the place of a folder': (project) => {
    project.write('elsewhere/model.py', 'other\n');
    // One looks the same as before.
    project.write('elsewhere/data/load.py', 'rows = 10\n');
    project.remove('src');
    symlinkSync('elsewhere', join(project.path, 'src'));
    project.write('.dstackignore', '/src\n');
    return { without: ['src'], warns: /^src is an ignored link in the place of a folder/ };
  },
  'links, some of which lead out of the project': (project) => {
    symlinkSync('../train.py', join(project.path, 'src/inside'));
    symlinkSync('../../far', join(project.path, 'src/out'));
    symlinkSync('..', join(project.path, 'above'));
    symlinkSync('/data/sets', join(project.path, 'sets'));
    return {
      warns:
        /^above is a link out .*, to \.\.:.*\nsets is a link out .*, to \/data\/sets:.*\nsrc\/out is a link out .*, to \.\.\/\.\.\/far:.*$/,
    };
  },
  'a file in the place of a folder whose files nobody was to look at': (project) => {
    project.write('src/data/empty', '');
    project.git('add', 'src/data/empty');
    project.git('update-index', '--skip-worktree', 'src/data/load.py');
    rmSync(join(project.path, 'src/data'), { recursive: true });
    project.write('src/data', 'a file\n');
    return undefined;
  },
  'files of which only the times have changed': (project) => {
    for (const name of ['train.py', 'src/model.py']) utimesSync(join(project.path, name), 1, 1);
    return undefined;
  },
  'a large index': (project) => {
    enterMissingFiles(project, 40_000);
    project.write('train.py', 'changed\n');
    project.remove('run.sh');
    project.write('new.txt', 'new\n');
    project.write('nested/new.log', 'ignored\n');
    utimesSync(join(project.path, 'src/model.py'), 1, 1);
    return { without: ['nested/new.log'] };
  },
  'a large index, and a link in the place of a folder': (project) => {
    enterMissingFiles(project, 40_000);
    renameSync(join(project.path, 'src'), join(project.path, 'moved'));
    symlinkSync('moved', join(project.path, 'src'));
    return undefined;
  },
  'a split index': (project) => {
    project.git('config', 'core.splitIndex', 'true');
    project.git('update-index', '--split-index');
    project.write('train.py', 'staged\n');
    project.write('src/model.py', 'changed\n');
    project.git('add', 'train.py');
    return undefined;
  },
  'an untracked cache': (project) => {
    project.git('update-index', '--force-untracked-cache');
    project.git('status');
    project.write('src/new.txt', 'new\n');
    return undefined;
  },
  'an index that was removed': (project) => {
    project.remove('.git/index');
    project.write('train.py', 'changed\n');
    return undefined;
  },
  'a nested repository, which is left out': (project) => {
    for (const name of ['nested', 'train.py']) {
      project.remove(name);
      mkdirSync(join(project.path, name));
      const nested = scratchIn(join(project.path, name));
      nested.git('init', '--quiet', '--template=');
      nested.write('inside.txt', 'inside\n');
      nested.git('add', '--all');
      nested.git('commit', '--quiet', '--message=nested');
    }
    return { without: ['nested/inside.txt', 'train.py/inside.txt'] };
  },
  'clean and smudge filters': (project) => {
    project.git('config', 'filter.upper.clean', 'tr a-z A-Z');
    project.git('config', 'filter.upper.smudge', 'tr A-Z a-z');
    project.write('.gitattributes', '*.txt filter=upper\n');
    project.write('new.txt', 'lower case\n');
    return { converts: true };
  },
  autocrlf: (project) => {
    project.git('config', 'core.autocrlf', 'true');
    project.git('rm', '--quiet', '-r', '--cached', '.');
    for (const name of ['train.py', 'run.sh', 'src/model.py', 'src/data/load.py', '.gitignore'])
      project.write(name, 'two\r\nlines\r\n');
    project.git('add', '--all');
    project.write('train.py', 'three\r\nmore\r\nlines\r\n');
    project.write('new.txt', 'new\r\n');
    return { converts: true };
  },
};

const test = suite('snapshot situations');

for (const [name, prepare] of Object.entries(situations)) {
  test(name, async () => {
    const given = scratchProject();
    const expectation = prepare(given) ?? {};
    const project = expectation.project ?? given;
    const before = userState(project);

    const repository = await discoverRepository(expectation.from ?? project.path);
    const snapshot = await takeSnapshot(repository);

    assert.equal(userState(project), before);
    if (expectation.warns) assert.match(snapshot.warnings.join('\n'), expectation.warns);
    const original = readTree(project.path);
    for (const path of expectation.without ?? []) {
      assert.ok(path in original, `${path} is there to be left out`);
      delete original[path];
    }
    const recorded = project
      .git('ls-tree', '-r', '-z', '--name-only', snapshot.tree)
      .split('\0')
      .slice(0, -1);
    assert.is(recorded.length, Object.keys(original).length, 'no entries without files');
    const parents = snapshot.parent ? ['-p', snapshot.parent] : [];
    const commit = project.git('commit-tree', ...parents, '-m', 'snapshot', snapshot.tree);
    const restored = join(scratchFolder(), 'restored');
    project.git('worktree', 'add', '--quiet', '--detach', restored, commit);
    assert.equal(readTree(restored), original);

    if (expectation.converts) return;
    const written = join(scratchFolder(), 'written');
    await checkOut(repository, { tree: snapshot.tree, into: written });
    assert.equal(
      readTree(written, () => false),
      original,
    );
  });
}

test.run();
