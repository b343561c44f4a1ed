import packageJson from '../../package.json' with { type: 'json' };
import type { GitHubClient } from '../host/github-client.ts';
import type { GitHubRepository } from '../host/github-repository.ts';
import { findToken } from '../host/github-token.ts';

/** @param signal ends the search for a token, and all calls. @returns null if there is no token */
export async function connectToGitHub(
  repository: GitHubRepository,
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<GitHubClient | null> {
  const token = await findToken(repository, env, signal);
  if (token === null) return null;
  // Octokit takes longer to load than all the rest.
  const { openGitHub } = await import('../host/github-client.ts');
  return openGitHub(repository, token, {
    userAgent: `dstack/${packageJson.version}`,
    ...(signal ? { signal } : {}),
  });
}
