import { Octokit } from '@octokit/rest';
import { plainText } from '../terminal-text.ts';
import { GitHubFailure } from './github-failure.ts';
import { type AnswerHeaders, silenceAfter } from './github-limits.ts';
import type { GitHubRepository } from './github-repository.ts';

/** Milliseconds for one call. */
const callLimit = 20_000;

export interface GitHubClient {
  readonly repository: GitHubRepository;
  readonly octokit: Octokit;
  /** For every call: whose repository. */
  readonly at: { readonly owner: string; readonly repo: string };
}

/**
 * GitHub's API for one repository. Every call fails with a {@link GitHubFailure}, none of which has the token in it;
 * while GitHub wants silence, calls fail unsent.
 * @param options.signal ends all calls
 * @param options.now milliseconds of a monotonic clock
 */
export function openGitHub(
  repository: GitHubRepository,
  token: string,
  options: { userAgent: string; signal?: AbortSignal; now?: () => number },
): GitHubClient {
  const now = options.now ?? (() => performance.now());
  let silentUntil = Number.NEGATIVE_INFINITY;
  let limits = 0;
  const silent = () => {};
  const octokit = new Octokit({
    auth: token,
    baseUrl: repository.api,
    userAgent: options.userAgent,
    log: { debug: silent, info: silent, warn: silent, error: silent },
  });
  const note = (answer: { status: number; headers: AnswerHeaders; message: string }): number | null => {
    const silence = silenceAfter(answer, limits);
    if (silence !== null) silentUntil = Math.max(silentUntil, now() + silence);
    return silence;
  };

  octokit.hook.wrap('request', async (request, call) => {
    const left = silentUntil - now();
    if (left > 0) throw limited(repository, left);
    const limit = withLimit(callLimit, options.signal);
    call.request.signal = limit.signal;
    try {
      const response = await request(call);
      limits = 0;
      note({ status: response.status, headers: response.headers as AnswerHeaders, message: '' });
      if (typeof response.data !== 'object' || response.data === null) throw unlikeGitHub(repository);
      return response;
    } catch (error) {
      if (error instanceof GitHubFailure) throw error;
      const { status, response, message } = error as {
        status?: number;
        response?: { headers: AnswerHeaders };
        message: string;
      };
      const words = plainText(message.replaceAll(token, '***')).slice(0, 300);
      // Octokit gives what has no answer the status 500.
      if (!response || status === undefined) {
        throw new GitHubFailure('away', `${repository.api} does not answer: ${words}`);
      }
      const silence = note({ status, headers: response.headers, message });
      if (silence !== null && status !== 304) {
        limits += 1;
        throw limited(repository, silence);
      }
      if (status === 304) throw new GitHubFailure('unchanged', words, { status });
      throw new GitHubFailure(
        status >= 500 || status === 408 ? 'away' : 'refused',
        `${repository.api} answers ${status}: ${words}`,
        { status, hint: hintFor(status, repository) },
      );
    } finally {
      limit.release();
    }
  });
  return { repository, octokit, at: { owner: repository.owner, repo: repository.name } };
}

/** For what answers, but not as GitHub does. */
export function unlikeGitHub({ api }: Pick<GitHubRepository, 'api'>): GitHubFailure {
  return new GitHubFailure('away', `${api} answers something that GitHub's API would not`, {
    hint: 'a proxy or a page to log in at may answer in its place; GITHUB_API_URL says where else it is',
  });
}

/** Node has `AbortSignal.any` since 20.3 only. */
function withLimit(milliseconds: number, ending: AbortSignal | undefined) {
  const limit = new AbortController();
  const end = () => limit.abort();
  const timer = setTimeout(end, milliseconds);
  ending?.addEventListener('abort', end);
  if (ending?.aborted) end();
  return {
    signal: limit.signal,
    release() {
      clearTimeout(timer);
      ending?.removeEventListener('abort', end);
    },
  };
}

function limited({ api }: GitHubRepository, after: number): GitHubFailure {
  const seconds = Math.ceil(after / 1000);
  return new GitHubFailure('limited', `${api} wants no more calls for ${seconds}s`, {
    after,
    hint: 'try again after that time',
  });
}

function hintFor(status: number, { owner, name }: GitHubRepository): string {
  if (status === 401) return 'the token has expired, or is none: `gh auth login`, or another GITHUB_TOKEN';
  if (status === 403 || status === 404)
    return `the token may not do that in ${owner}/${name}, or there is no such thing`;
  return 'see what it says';
}
