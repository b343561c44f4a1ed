import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Sshd, startSshd } from './sshd.ts';

export const hasGitolite = existsSync('/usr/bin/gitolite');

/** A gitolite in a folder of its own, behind an sshd. */
export interface Gitolite {
  readonly sshd: Sshd;
  /** The bare repository `shared`, as it lies there. */
  readonly shared: string;
  url(user: string): string;
}

/** @param rules the lines below `repo shared` in `gitolite.conf` */
export async function startGitolite(
  folder: string,
  users: readonly string[],
  rules: string,
): Promise<Gitolite> {
  const home = path.join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const env = { ...process.env, HOME: home, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const gitolite = (...args: string[]) => execFileSync('gitolite', args, { env, stdio: 'pipe', cwd: home });
  const shell = `env HOME=${home} GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 /usr/share/gitolite3/gitolite-shell`;
  const sshd = await startSshd(path.join(folder, 'sshd'), {
    users: Object.fromEntries(users.map((user) => [user, `${shell} ${user}`])),
  });
  gitolite('setup', '-a', 'nobody-here');
  writeFileSync(path.join(home, '.gitolite/conf/gitolite.conf'), `repo shared\n${rules}\n`);
  gitolite('compile');
  gitolite('trigger', 'POST_COMPILE');
  return {
    sshd,
    shared: path.join(home, 'repositories/shared.git'),
    url: (user) => sshd.url('/shared', user),
  };
}

/** The rules that `docs/hosts.md` gives, below its `repo` line. */
export function documentedRules(): string {
  const text = readFileSync(new URL('../../docs/hosts.md', import.meta.url), 'utf8');
  const rules = /^ {4}repo .*\n((?: {8}.*\n)+)/m.exec(text)?.[1];
  if (!rules) throw new Error('docs/hosts.md has no rules for gitolite');
  return rules;
}
