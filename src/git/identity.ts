import { spawnSync } from 'node:child_process';
import { hostname, userInfo } from 'node:os';
import { gitArguments, gitEnvironment } from './run-git.ts';

/** The user's name as Git would write it; where none is configured, the login name and this machine's. */
export function userIdentity(folder: string): { name: string; email: string } {
  // It is there at once, so that it need be asked for only where something is written.
  const { status, stdout } = spawnSync('git', gitArguments(['var', 'GIT_AUTHOR_IDENT']), {
    cwd: folder,
    env: gitEnvironment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const match = /^(.*) <(.*)> \d+ [+-]\d+$/.exec(String(stdout).trim());
  if (status === 0 && match?.[1]) return { name: match[1], email: match[2] ?? '' };
  const login = loginName();
  return { name: login, email: `${login}@${hostname()}` };
}

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
