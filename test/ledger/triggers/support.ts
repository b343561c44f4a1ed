import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { scratchFolder } from '../../git/scratch-repository.ts';

/** A clone from which people push. */
export interface Clone {
  readonly path: string;
  git(...args: string[]): string;
  /** Commits these files, and pushes the branch. @returns the commit */
  push(files: Readonly<Record<string, string>>, branch?: string): string;
}

export function cloneOf(remote: string): Clone {
  const path = scratchFolder();
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: path,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...identity },
    }).trimEnd();
  git('init', '--quiet', '--initial-branch=main');
  git('remote', 'add', 'origin', remote);
  return {
    path,
    git,
    push(files, branch = 'main') {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(path, name)), { recursive: true });
        writeFileSync(join(path, name), text);
      }
      git('add', '--all');
      git('commit', '--quiet', '--allow-empty', '--message=change');
      git('push', '--quiet', 'origin', `HEAD:refs/heads/${branch}`);
      return git('rev-parse', 'HEAD');
    },
  };
}

const identity = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Grace',
  GIT_COMMITTER_EMAIL: 'grace@example.org',
};

/** `workflows.yaml` with one workflow for each of these values of `on`. */
export function workflows(on: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(on).map(
    ([name, value]) => `  - name: ${name}\n    commands: ['true']\n    on: ${value}\n`,
  );
  return { '.dstack/workflows.yaml': `workflows:\n${entries.join('')}` };
}
