import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const hookText = readFileSync(fileURLToPath(new URL('../../hooks/post-receive', import.meta.url)), 'utf8');

/** A shell to run the hook with, and where it finds the small programs. */
export interface Shell {
  name: string;
  /** The interpreter's line of the hook. */
  shebang: string;
  /** A folder of small programs in front of PATH. */
  path?: string;
}

export interface Result {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface SharedRepository {
  /** The bare repository; its path has blanks and quotes. */
  gitDir: string;
  /** A folder beside it, for what a test needs. */
  folder: string;
  git(...args: string[]): Promise<string>;
  /** Pushes new commits to the refs, from a repository of its own; `wrapper` is a program to run Git with. */
  push(refs: string[], wrapper?: string[]): Promise<Result>;
  installPrevious(script: string): void;
  remove(): void;
}

const identity = { name: 'Ann', email: 'ann@example.org' };

/** Git's environment, independent of the user's configuration. */
function environment(path?: string): NodeJS.ProcessEnv {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
  return {
    ...env,
    ...(path === undefined ? {} : { PATH: `${path}${delimiter}${process.env.PATH}` }),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: identity.name,
    GIT_AUTHOR_EMAIL: identity.email,
    GIT_COMMITTER_NAME: identity.name,
    GIT_COMMITTER_EMAIL: identity.email,
  };
}

/** Runs a program to its end; a failure is a value. */
export function execute(command: string[], env = environment(), cwd?: string): Promise<Result> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env, encoding: 'utf8' }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : 128;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

async function succeed(command: string[], env: NodeJS.ProcessEnv, cwd?: string): Promise<string> {
  const result = await execute(command, env, cwd);
  if (result.exitCode !== 0) throw new Error(`${command.join(' ')}: ${result.stderr}`);
  return result.stdout.trimEnd();
}

/** A bare repository with the hook, as the given shell runs it. */
export async function createSharedRepository(shell: Shell): Promise<SharedRepository> {
  const folder = mkdtempSync(join(tmpdir(), 'hook-'));
  const gitDir = join(folder, `it's a "shared" repo.git`);
  const source = join(folder, 'source.git');
  const env = environment(shell.path);
  for (const path of [gitDir, source]) await succeed(['git', 'init', '--quiet', '--bare', path], env);
  mkdirSync(join(gitDir, 'hooks'), { recursive: true });
  writeExecutable(join(gitDir, 'hooks/post-receive'), hookText.replace(/^#!.*/, shell.shebang));
  const tree = await succeed(['git', 'hash-object', '-t', 'tree', '-w', '/dev/null'], env, source);
  let count = 0;

  return {
    gitDir,
    folder,
    git: (...args) => succeed(['git', ...args], env, gitDir),
    async push(refs, wrapper = []) {
      const message = `commit ${++count}`;
      const commit = await succeed(['git', 'commit-tree', '-m', message, tree], env, source);
      const refspecs = refs.map((ref) => `+${commit}:${ref}`);
      return execute([...wrapper, 'git', 'push', '--quiet', gitDir, ...refspecs], env, source);
    },
    installPrevious: (script) => writeExecutable(join(gitDir, 'hooks/post-receive.before-dstack'), script),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function writeExecutable(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

/** One call of the fake dstack. */
export interface Call {
  args: string;
  cwd: string;
  /** Names of the Git variables that it saw. */
  variables: string[];
  /** Whether it leads a session of its own, or is in one that its parent leads. */
  ownSession: boolean;
  /** The refs that were there when it started. */
  refs: string[];
}

export interface FakeDstack {
  calls(): Call[];
  overlapped(): boolean;
  /** From now on a call does not end before `open`. */
  close(): void;
  open(): void;
}

/** A program in place of dstack, configured as `dstack.command`, that notes how it was called. */
export async function configureFakeDstack(shared: SharedRepository): Promise<FakeDstack> {
  const folder = join(shared.folder, 'fake dstack');
  mkdirSync(folder);
  writeExecutable(
    join(folder, 'dstack'),
    `#!/bin/sh
folder=\${0%/*}
mkdir "$folder/running" || printf overlap >"$folder/overlap"
variables=$(env | sed -n 's/^\\(GIT_[A-Z_]*\\)=.*/\\1/p' | tr '\\n' ' ')
read -r _ _ _ parent _ session _ </proc/$$/stat
own=no; case $session in $$|$parent) own=yes ;; esac
refs=$(git for-each-ref --format='%(refname)' | tr '\\n' ' ')
printf '%s|%s|%s|%s|%s\\n' "$*" "$PWD" "$variables" "$own" "$refs" >>"$folder/calls"
while [ -e "$folder/closed" ]; do sleep 0.02; done
rmdir "$folder/running"
echo nobody reads this; echo nor this >&2
`,
  );
  await shared.git('config', 'dstack.command', join(folder, 'dstack'));
  const words = (text = '') => text.split(' ').filter((word) => word !== '');
  return {
    calls() {
      const path = join(folder, 'calls');
      if (!existsSync(path)) return [];
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      return lines.map((line) => {
        const [args = '', cwd = '', variables, own, refs] = line.split('|');
        return { args, cwd, variables: words(variables), ownSession: own === 'yes', refs: words(refs) };
      });
    },
    overlapped: () => existsSync(join(folder, 'overlap')),
    close: () => writeFileSync(join(folder, 'closed'), ''),
    open: () => rmSync(join(folder, 'closed')),
  };
}

/** Waits until something holds; gives up only where it never would. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries === 1500) throw new Error(`never happened: ${what}`);
    await sleep(20);
  }
}
