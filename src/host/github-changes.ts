import type { GitHubClient } from './github-client.ts';
import { GitHubFailure } from './github-failure.ts';

/** How long one that is away, or refuses, is not asked again; milliseconds. */
const rest = 60_000;

/**
 * Tells whether any ref below some prefixes has changed since it was asked last, by conditional requests: an answer that
 * nothing has costs none of what the token may ask in an hour. True in doubt, and the first time. Where there are more
 * refs than on one page, GitHub can't tell, and is not asked again; where it is away, or refuses, not for a minute.
 * @param prefixes such as `refs/heads/`
 * @param now milliseconds of a monotonic clock
 */
export function watchRefs(
  connection: () => GitHubClient | null,
  prefixes: readonly string[],
  now: () => number = () => performance.now(),
): { hasChanged(): Promise<boolean> } {
  const tags = new Map<string, string>();
  let tooMany = false;
  let asksAgainAt = Number.NEGATIVE_INFINITY;

  const changed = async (prefix: string): Promise<boolean> => {
    const client = connection();
    if (!client) return true;
    const { octokit, at } = client;
    const tag = tags.get(prefix);
    try {
      const { headers } = await octokit.rest.git.listMatchingRefs({
        ...at,
        ref: prefix.replace(/^refs\//, ''),
        headers: tag === undefined ? {} : { 'if-none-match': tag },
      });
      // The tag of a page says nothing of the next one.
      if (headers.link?.includes('rel="next"')) tooMany = true;
      else if (headers.etag) tags.set(prefix, headers.etag);
      return true;
    } catch (error) {
      if (error instanceof GitHubFailure && error.kind === 'unchanged') return false;
      asksAgainAt = now() + rest;
      return true;
    }
  };

  return {
    async hasChanged() {
      if (tooMany || now() < asksAgainAt) return true;
      const answers = await Promise.all(prefixes.map(changed));
      return answers.includes(true);
    },
  };
}
