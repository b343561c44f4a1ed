import { execFile } from 'node:child_process';
import type { GitHubRepository } from './github-repository.ts';

/**
 * The user's token for a host: `GH_TOKEN` or `GITHUB_TOKEN` (for an Enterprise Server `GH_ENTERPRISE_TOKEN` or
 * `GITHUB_ENTERPRISE_TOKEN` first), otherwise what GitHub's own command line has.
 * @param signal ends the asking of that one
 * @returns null if there is none
 */
export async function findToken(
  { host, api }: Pick<GitHubRepository, 'host' | 'api'>,
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<string | null> {
  // In the clear it would be everybody's.
  if (!api.startsWith('https://') && !/^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:|\/|$)/.test(api))
    return null;
  const isServer = host !== 'github.com' && !host.endsWith('.ghe.com');
  const names = [
    ...(isServer ? ['GH_ENTERPRISE_TOKEN', 'GITHUB_ENTERPRISE_TOKEN'] : []),
    'GH_TOKEN',
    'GITHUB_TOKEN',
  ];
  for (const name of names) {
    const token = env[name]?.trim();
    if (token) return isToken(token) ? token : null;
  }
  const printed = (await askGh(host, env, signal)).trim();
  return isToken(printed) ? printed : null;
}

/** What can stand in a header. */
function isToken(text: string): boolean {
  return /^[\x21-\x7e]{1,4096}$/.test(text);
}

function askGh(host: string, env: NodeJS.ProcessEnv, signal: AbortSignal | undefined): Promise<string> {
  return new Promise((resolve) => {
    const options = { env, signal, timeout: 10_000, maxBuffer: 64 << 10, encoding: 'utf8' } as const;
    const child = execFile('gh', ['auth', 'token', '--hostname', host], options, (error, stdout) =>
      resolve(error ? '' : stdout),
    );
    child.stdin?.end();
  });
}
