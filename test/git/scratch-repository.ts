import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

// For Git started by the tests and by what they test: nobody's own settings, a fixed author.
Object.assign(process.env, {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Author',
  GIT_AUTHOR_EMAIL: 'author@example.org',
  GIT_COMMITTER_NAME: 'Author',
  GIT_COMMITTER_EMAIL: 'author@example.org',
});

const folders: string[] = [];
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A temporary folder that ends with the process, whichever way the tests end. */
export function scratchFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dstack-test-')));
  folders.push(folder);
  return folder;
}

export interface Scratch {
  readonly path: string;
  /** Runs Git there; its output without the final newline. Throws if it fails. */
  git(...args: string[]): string;
  write(name: string, content: string | Uint8Array, mode?: number): void;
  remove(...names: string[]): void;
}

/** Files and Git in a folder that exists. */
export function scratchIn(path: string): Scratch {
  return {
    path,
    git: (...args) =>
      execFileSync('git', args, {
        cwd: path,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        maxBuffer: 2 ** 26,
      }).replace(/\n$/, ''),
    write: (name, content, mode) => {
      mkdirSync(dirname(join(path, name)), { recursive: true });
      writeFileSync(join(path, name), content);
      if (mode !== undefined) chmodSync(join(path, name), mode);
    },
    remove: (...names) => {
      for (const name of names) rmSync(join(path, name), { recursive: true, force: true });
    },
  };
}

/** An empty repository in a folder of its own. */
export function scratchRepository(...initOptions: string[]): Scratch {
  const path = join(scratchFolder(), 'project');
  mkdirSync(path);
  const scratch = scratchIn(path);
  scratch.git('init', '--quiet', '--template=', '--initial-branch=main', ...initOptions);
  return scratch;
}

/** A repository with one commit of a few files of every kind. */
export function scratchProject(): Scratch {
  const scratch = scratchRepository();
  scratch.write('train.py', 'print("train")\n');
  scratch.write('run.sh', '#!/bin/sh\n', 0o755);
  scratch.write('src/model.py', 'layers = 2\n');
  scratch.write('src/data/load.py', 'rows = 10\n');
  scratch.write('.gitignore', '*.log\n/out/\n');
  scratch.git('add', '--all');
  scratch.git('commit', '--quiet', '--message=first');
  return scratch;
}

/** Puts so many entries into the index whose files are not there: by these it is as large as that of a large project. */
export function enterMissingFiles({ path, git }: Scratch, count: number): void {
  const blob = git('hash-object', '-w', 'train.py');
  const entries = Array.from({ length: count }, (_, at) => `100644 ${blob}\tmissing/${at}\n`);
  execFileSync('git', ['update-index', '--index-info'], { cwd: path, input: entries.join('') });
}

/** For `lstat` and the like: a path as {@link readTree} gives it, one character per byte, as bytes. */
function bytesOf(folder: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(path, 'latin1')]);
}

const isRepository = (path: string) => path === '.git' || path.endsWith('/.git');

/** Path → kind, permission to execute, and content of everything in a folder but empty folders and `skip`. */
export function readTree(folder: string, skip: (path: string) => boolean = isRepository) {
  const entries: Record<string, string> = {};
  const walk = (under: string) => {
    for (const name of readdirSync(bytesOf(folder, under), 'latin1')) {
      const path = under === '' ? name : `${under}/${name}`;
      if (skip(path)) continue;
      const location = bytesOf(folder, path);
      const entry = lstatSync(location);
      if (entry.isDirectory()) walk(path);
      else if (entry.isSymbolicLink()) entries[path] = `link ${readlinkSync(location)}`;
      else if (entry.isFile())
        entries[path] = `${entry.mode & 0o100 ? 'x' : '-'} ${readFileSync(location, 'latin1')}`;
    }
  };
  walk('');
  return entries;
}

/** Everything of a user's that a snapshot must not touch: all of .git but the objects, the files, the status. */
export function userState(scratch: Scratch) {
  const gitDir = scratch.git('rev-parse', '--absolute-git-dir');
  const times = Object.keys(readTree(scratch.path)).map((path) => {
    return [path, lstatSync(bytesOf(scratch.path, path), { bigint: true }).mtimeNs.toString()];
  });
  return {
    repository: readTree(gitDir, (path) => path === 'objects' || path.endsWith('/objects')),
    files: readTree(scratch.path),
    times: Object.fromEntries(times),
    status: scratch.git('--no-optional-locks', 'status', '--porcelain=v2', '--branch', '-z'),
    stash: scratch.git('stash', 'list'),
  };
}
