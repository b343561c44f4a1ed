import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { timed } from '../bench-project.ts';
import { keptFolder } from '../kept-folder.ts';

/** The last version for Node 20. */
const version = '4.60.1';

/** gitlab-ci-local, installed outside of this project. */
export interface GitlabCiLocal {
  /**
   * Runs so many jobs that do nothing, by its shell executor, so many at a time.
   * @param place the folder that its project is made in, and left
   * @returns milliseconds, of the whole call
   */
  drain(jobs: number, concurrency: number, place: string): Promise<number>;
}

/**
 * @param certificates a file with those that npm is to trust besides its own
 * @returns why it can't be had, if it can't
 */
export async function installGitlabCiLocal(
  certificates: string | undefined,
): Promise<GitlabCiLocal | string> {
  // It copies each job's files with it.
  if (spawnSync('rsync', ['--version'], { stdio: 'ignore' }).status !== 0)
    return 'gitlab-ci-local needs rsync, which is not installed';
  let folder: string;
  try {
    folder = await keptFolder(`gitlab-ci-local-${version}`, (place) => install(place, certificates));
  } catch (error) {
    const [, code] = /npm \w+!? code (\w+)/.exec(String((error as { stderr?: unknown }).stderr)) ?? [];
    return `gitlab-ci-local ${version} could not be installed from npm${code ? `: ${code}` : ''}`;
  }
  return {
    async drain(jobs, concurrency, place) {
      const project = mkdtempSync(path.join(place, 'gitlab-ci-local-'));
      const env = { ...process.env, HOME: project };
      for (const args of [
        ['init', '--quiet'],
        ['remote', 'add', 'origin', 'https://example.org/a/b.git'],
      ])
        execFileSync('git', args, { cwd: project, env, stdio: 'ignore' });
      const text = Array.from({ length: jobs }, (_, job) => `job-${job}: {script: ["true"]}\n`);
      writeFileSync(path.join(project, '.gitlab-ci.yml'), text.join(''));
      const program = path.join(folder, 'node_modules/.bin/gitlab-ci-local');
      const options = ['--force-shell-executor', '--concurrency', String(concurrency)];
      return timed([program, ...options], { cwd: project, env });
    },
  };
}

function install(folder: string, certificates: string | undefined): void {
  // Settings of the npm that has started this are of no matter to another package.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const options = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts=false', '--prefix', folder];
  execFileSync('npm', ['install', ...options, `gitlab-ci-local@${version}`], {
    cwd: folder,
    env: certificates === undefined ? env : { ...env, NODE_EXTRA_CA_CERTS: certificates },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}
