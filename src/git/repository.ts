import { existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DstackError } from '../errors.ts';
import { makeNamedFolder } from './new-folder.ts';
import { git, gitFailed, runGit } from './run-git.ts';

/** A Git repository on this machine. All paths are absolute. */
export interface Repository {
  /** Its own folder; of a linked worktree: the worktree's private one. */
  readonly gitDir: string;
  /** Shared by all worktrees: objects, refs and configuration live here. */
  readonly commonDir: string;
  /** Where its objects are written. */
  readonly objectDir: string;
  /** Top of the work tree, or null for a bare repository. */
  readonly workTree: string | null;
  readonly objectFormat: 'sha1' | 'sha256';
}

const describe = [
  'rev-parse',
  '--path-format=absolute',
  '--git-dir',
  '--git-common-dir',
  '--git-path',
  'objects',
  '--show-object-format',
  '--is-bare-repository',
];

/**
 * The repository that `folder` lies in, as Git finds it from there.
 * @throws DstackError `not-a-repository`
 */
export async function discoverRepository(folder: string): Promise<Repository> {
  const plain = plainWorkTree(folder);
  if (plain) return plain;
  // The top of the work tree is asked for last: where there is none, Git has said the rest before it fails.
  const result = await runGit([...describe, '--show-toplevel'], { cwd: folder });
  const [gitDir, commonDir, objectDir, objectFormat, bare, top] = result.stdout.toString('utf8').split('\n');
  if (result.exitCode !== 0 && !bare) {
    const dubious = /dubious ownership|safe\.directory/.test(result.stderr);
    throw new DstackError('not-a-repository', `${folder} is not in a Git repository`, {
      hint: dubious
        ? `Git distrusts its owner: git config --global --add safe.directory ${folder}`
        : 'run `git init` there, or change into your project',
    });
  }
  if (result.exitCode !== 0 && bare !== 'true') throw gitFailed(['rev-parse'], result);
  return {
    gitDir: gitDir as string,
    commonDir: commonDir as string,
    objectDir: objectDir as string,
    workTree: bare === 'true' ? null : (top as string),
    objectFormat: objectFormat === 'sha256' ? 'sha256' : 'sha1',
  };
}

/**
 * Opens the repository whose own folder, or whose work tree, is exactly `path`; does not look upwards.
 * @throws DstackError `not-a-repository`
 */
export async function openRepository(path: string): Promise<Repository> {
  const absolute = existsSync(path) ? realpathSync(path) : resolve(path);
  const gitDir = existsSync(join(absolute, '.git')) ? join(absolute, '.git') : absolute;
  if (!existsSync(join(gitDir, 'HEAD')) && !existsSync(gitDir)) {
    throw new DstackError('not-a-repository', `there is no Git repository at ${path}`, {
      hint: `make one with \`dstack init --create ${path}\`, or correct the path`,
    });
  }
  const plain = gitDir === absolute ? plainRepository(absolute, null) : null;
  if (plain) return plain;
  const result = await runGit(describe, { gitDir: gitDir, cwd: absolute });
  if (result.exitCode !== 0) {
    const dubious = /dubious ownership|safe\.directory/.test(result.stderr);
    throw new DstackError('not-a-repository', `${path} is not a Git repository`, {
      hint: dubious
        ? `Git distrusts its owner: git config --global --add safe.directory ${absolute}`
        : `make one with \`dstack init --create ${path}\`, or correct the path`,
    });
  }
  const [own, commonDir, objectDir, objectFormat, bare] = result.stdout.toString('utf8').split('\n');
  return {
    gitDir: own as string,
    commonDir: commonDir as string,
    objectDir: objectDir as string,
    workTree: bare === 'true' ? null : absolute,
    objectFormat: objectFormat === 'sha256' ? 'sha256' : 'sha1',
  };
}

/**
 * The repository of a work tree, found by its own files as Git finds it, if it is as `git init` leaves it and this user's
 * own. Null: that is for Git to judge.
 */
function plainWorkTree(folder: string): Repository | null {
  if (process.env.GIT_CEILING_DIRECTORIES !== undefined) return null;
  try {
    for (let top = realpathSync(folder); ; top = dirname(top)) {
      const here = lstatSync(top);
      const gitDir = join(top, '.git');
      const found = lstatSync(gitDir, { throwIfNoEntry: false });
      if (found) {
        const isOwn = [here, found].every(({ uid }) => uid === process.geteuid?.());
        return found.isDirectory() && isOwn ? plainRepository(gitDir, top) : null;
      }
      // The root of another file system is as far as Git goes, and what is a repository's own folder is no work tree.
      const above = dirname(top);
      if (above === top || lstatSync(above).dev !== here.dev || existsSync(join(top, 'HEAD'))) return null;
    }
  } catch {
    return null;
  }
}

/**
 * A repository whose files say nothing of parts that are elsewhere or of another kind.
 * @param workTree null: it is bare
 */
function plainRepository(gitDir: string, workTree: string | null): Repository | null {
  const has = (name: string) => existsSync(join(gitDir, name));
  if (!has('objects') || !has('refs') || has('commondir')) return null;
  try {
    const head = readFileSync(join(gitDir, 'HEAD'), 'utf8');
    const config = readFileSync(join(gitDir, 'config'), 'utf8');
    const isPlain =
      /^(ref: refs\/\S+|[0-9a-f]{40})\n$/.test(head) &&
      /^\s*repositoryformatversion = 0$/m.test(config) &&
      (workTree === null ? /^\s*bare = true$/m : /^\s*bare = false$/m).test(config) &&
      config.match(/bare|repositoryformatversion/gi)?.length === 2 &&
      !/extensions|worktree|include/i.test(config);
    if (!isPlain) return null;
  } catch {
    return null;
  }
  return { gitDir, commonDir: gitDir, objectDir: join(gitDir, 'objects'), workTree, objectFormat: 'sha1' };
}

/** Makes an empty bare repository; an existing one is left as it is. */
export async function initBareRepository(
  path: string,
  options: {
    objectFormat?: 'sha1' | 'sha256';
    /** Full name of the branch that clones of it check out; Git's own default. */
    head?: string | null;
  } = {},
): Promise<Repository> {
  const absolute = resolve(path);
  await makeNamedFolder(absolute);
  if (!existsSync(join(absolute, 'HEAD'))) {
    await git(
      [
        'init',
        '--quiet',
        '--bare',
        '--template=',
        `--object-format=${options.objectFormat ?? 'sha1'}`,
        absolute,
      ],
      { cwd: absolute },
    );
    if (options.head) await git(['symbolic-ref', 'HEAD', options.head], { gitDir: absolute });
  }
  return openRepository(absolute);
}

/** Is this text an object id, in full? Check it before it goes into a refspec: an empty left side deletes. */
export function isObjectId(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text) && !/^0+$/.test(text);
}
