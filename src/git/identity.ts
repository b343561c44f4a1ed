import { hostname, userInfo } from 'node:os';
import { runGit } from './run-git.ts';
import type { Signature } from './write-commits.ts';

/** The user's name as Git would write it; where none is configured, the login name and this machine's. */
export async function userSignature(folder: string, now: number): Promise<Signature> {
  const result = await runGit(['var', 'GIT_AUTHOR_IDENT'], { cwd: folder });
  const match = /^(.*) <(.*)> \d+ [+-]\d+$/.exec(result.stdout.toString('utf8').trim());
  if (result.exitCode === 0 && match?.[1]) return { name: match[1], email: match[2] ?? '', time: now };
  const login = loginName();
  return { name: login, email: `${login}@${hostname()}`, time: now };
}

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
