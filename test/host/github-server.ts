import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gitHubApi, type Matched } from './openapi.ts';

export const userToken = 'ghp_aUsersTokenThatMustStaySecret';
export const appToken = 'ghs_anAppsTokenThatMustStaySecret';

type Item = Record<string, unknown>;

export interface Commit {
  readonly parents: readonly string[];
  readonly tree: string;
  readonly message: string;
}

/** What it answers once, instead of what it is asked for. */
export interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly message?: string;
  /** The whole answer, of another server that is in its place. */
  readonly text?: string;
}

/** GitHub for one repository, `octocat/Hello-World`, on the loopback: by its published description, with a state. */
export interface GitHubServer {
  readonly url: string;
  /** Which operations were asked for, in this order. */
  readonly calls: string[];
  /** Where requests, or answers, were not as GitHub describes them. Must be empty. */
  readonly problems: string[];
  readonly statuses: Item[];
  readonly checkRuns: Item[];
  readonly comments: Item[];
  /** What is left of the hour's calls. */
  remaining: number;
  /** It takes calls, and never answers. */
  mute: boolean;
  /** Answers to the next calls, in this order. */
  readonly refusals: Refusal[];
  /** Ref → commit. */
  refs(): Promise<ReadonlyMap<string, string>> | ReadonlyMap<string, string>;
  commit(id: string): Promise<Commit | null> | Commit | null;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const notFound: Answer = { status: 404, body: { message: 'Not Found' } };

export async function startGitHub(): Promise<GitHubServer> {
  const api = gitHubApi();
  let ids = 1_000;
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const github: GitHubServer = {
    url,
    calls: [],
    problems: [],
    statuses: [],
    checkRuns: [],
    comments: [],
    remaining: 5_000,
    mute: false,
    refusals: [],
    refs: () => new Map(),
    commit: () => null,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const text = Buffer.concat(pieces).toString();
    const target = new URL(request.url ?? '/', url);
    const asked = { method: request.method ?? '', path: target.pathname, query: target.searchParams };
    const body = text === '' ? undefined : (JSON.parse(text) as Item);
    const matched = api.match({ ...asked, body });
    const name = matched?.name ?? `${asked.method} ${asked.path}`;
    github.calls.push(name);
    if (github.mute) return;
    const note = (problems: readonly string[]) => {
      github.problems.push(...problems.map((problem) => `${name}: ${problem}`));
    };
    if (!request.headers['user-agent']?.startsWith('dstack/')) note(['no user agent of ours']);
    const token = request.headers.authorization?.replace(/^(token|bearer) /i, '') ?? '';
    const refusal = github.refusals.shift();
    if (refusal?.text !== undefined) {
      response.writeHead(refusal.status, { 'content-type': 'text/html', ...refusal.headers });
      response.end(refusal.text);
      return;
    }
    let answer: Answer;
    if (refusal) {
      const { status, headers = {}, message = 'refused' } = refusal;
      answer = { status, headers, body: { message } };
    } else if (token !== userToken && token !== appToken) {
      answer = { status: 401, body: { message: 'Bad credentials' } };
    } else if (!matched) {
      note(['there is no such operation']);
      answer = notFound;
    } else {
      note(matched.problems);
      answer =
        matched.problems.length > 0
          ? { status: 422, body: { message: matched.problems.join('; ') } }
          : await answerTo(matched, body ?? {}, target.searchParams, token);
      if (answer.status < 300) note(matched.judge(answer.status, answer.body));
    }
    const content = JSON.stringify(answer.body ?? {});
    const tag = `W/"${createHash('sha256').update(content).digest('hex')}"`;
    const unchanged = answer.status === 200 && request.headers['if-none-match'] === tag;
    if (!unchanged) github.remaining -= 1;
    response.writeHead(unchanged ? 304 : answer.status, {
      'content-type': 'application/json; charset=utf-8',
      etag: tag,
      'x-ratelimit-remaining': String(github.remaining),
      'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 3600),
      ...answer.headers,
    });
    response.end(unchanged ? undefined : content);
  }

  /** A part of a list, with a link to the next. */
  function page(
    all: readonly unknown[],
    query: URLSearchParams,
    path: string,
  ): Pick<Answer, 'headers'> & { items: unknown[] } {
    const size = Number(query.get('per_page') ?? 30);
    const number = Number(query.get('page') ?? 1);
    const items = all.slice((number - 1) * size, number * size);
    const next = new URLSearchParams(query);
    next.set('page', String(number + 1));
    const more = number * size < all.length;
    return { items, headers: more ? { link: `<${url}${path}?${next}>; rel="next"` } : {} };
  }

  async function answerTo(
    matched: Matched,
    body: Item,
    query: URLSearchParams,
    token: string,
  ): Promise<Answer> {
    const { parameters } = matched;
    const made = (status: number, state: Item): Item => ({ ...(matched.example(status) as Item), ...state });
    if (parameters.owner !== undefined && `${parameters.owner}/${parameters.repo}` !== 'octocat/Hello-World')
      return notFound;
    const at = `/repos/octocat/Hello-World`;
    const user = (matched.name.includes('/user') ? {} : { id: token === userToken ? 1 : 2 }) as Item;
    switch (matched.name) {
      case 'GET /user':
        if (token === appToken)
          return { status: 403, body: { message: 'Resource not accessible by integration' } };
        return { status: 200, body: made(200, { id: 1, ...user }) };
      case 'GET /repos/{owner}/{repo}/git/commits/{commit_sha}': {
        const sha = parameters.commit_sha as string;
        const commit = await github.commit(sha);
        if (!commit) return notFound;
        const { parents, tree, message } = commit;
        const linked = (id: string) => ({ sha: id, url: `${url}/${id}`, html_url: `${url}/${id}` });
        const state = {
          sha,
          message,
          tree: { sha: tree, url: `${url}/${tree}` },
          parents: parents.map(linked),
        };
        return { status: 200, body: made(200, state) };
      }
      case 'GET /repos/{owner}/{repo}/git/matching-refs/{ref}': {
        const [example] = matched.example(200) as Item[];
        const below = `refs/${parameters.ref}`;
        const found = [...(await github.refs())].filter(([ref]) => ref.startsWith(below));
        const items = found.map(([ref, sha]) => ({
          ...example,
          ref,
          object: { type: 'commit', sha, url: `${url}/${sha}` },
        }));
        const shown = page(items, query, `${at}/git/matching-refs/${parameters.ref}`);
        return { status: 200, body: shown.items, headers: shown.headers ?? {} };
      }
      case 'GET /repos/{owner}/{repo}/commits/{ref}/check-runs': {
        const all = github.checkRuns.filter(
          (run) => run.head_sha === parameters.ref && (query.get('check_name') ?? run.name) === run.name,
        );
        const shown = page(all, query, `${at}/commits/${parameters.ref}/check-runs`);
        return {
          status: 200,
          body: { total_count: all.length, check_runs: shown.items },
          headers: shown.headers ?? {},
        };
      }
      case 'POST /repos/{owner}/{repo}/check-runs': {
        if (token !== appToken)
          return { status: 403, body: { message: 'You must authenticate via a GitHub App.' } };
        if (!(await github.commit(body.head_sha as string)))
          return { status: 422, body: { message: 'No commit found' } };
        ids += 1;
        const run = made(201, checkRun(ids, body));
        github.checkRuns.push(run);
        return { status: 201, body: run };
      }
      case 'PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}': {
        const run = github.checkRuns.find(({ id }) => id === Number(parameters.check_run_id));
        if (token !== appToken || !run) return notFound;
        Object.assign(run, checkRun(run.id as number, { ...run, ...body }));
        return { status: 200, body: run };
      }
      case 'GET /repos/{owner}/{repo}/commits/{ref}/statuses': {
        const all = github.statuses.filter((status) => status.sha === parameters.ref).toReversed();
        const shown = page(all, query, `${at}/commits/${parameters.ref}/statuses`);
        return { status: 200, body: shown.items, headers: shown.headers ?? {} };
      }
      case 'POST /repos/{owner}/{repo}/statuses/{sha}': {
        if (!(await github.commit(parameters.sha as string)))
          return { status: 422, body: { message: 'No commit found for SHA' } };
        if (String(body.description ?? '').length > 140)
          return { status: 422, body: { message: 'description is too long (maximum is 140 characters)' } };
        ids += 1;
        const { state, context = 'default', description = null, target_url = null } = body;
        const status = made(201, { id: ids, state, context, description, target_url });
        github.statuses.push({ ...status, sha: parameters.sha });
        return { status: 201, body: status };
      }
      case 'GET /repos/{owner}/{repo}/pulls/{pull_number}':
        return parameters.pull_number === '7'
          ? { status: 200, body: made(200, { number: 7, requested_teams: [] }) }
          : notFound;
      case 'GET /repos/{owner}/{repo}/issues/{issue_number}/comments': {
        const shown = page(github.comments, query, `${at}/issues/${parameters.issue_number}/comments`);
        return { status: 200, body: shown.items, headers: shown.headers ?? {} };
      }
      case 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments': {
        ids += 1;
        const example = matched.example(201) as { user: Item };
        const author = { ...example.user, ...user, type: token === userToken ? 'User' : 'Bot' };
        const comment = made(201, { id: ids, body: body.body, user: author, html_url: `${url}/c/${ids}` });
        github.comments.push(comment);
        return { status: 201, body: comment };
      }
      case 'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}': {
        const comment = github.comments.find(({ id }) => id === Number(parameters.comment_id));
        if (!comment) return notFound;
        Object.assign(comment, { body: body.body });
        return { status: 200, body: comment };
      }
      default:
        github.problems.push(`${matched.name}: not played here`);
        return notFound;
    }
  }

  /** By its rules: a conclusion completes it, and what is completed has one. */
  function checkRun(id: number, { output, ...body }: Item): Item {
    const { conclusion = null, completed_at = null, started_at = null } = body;
    const said = { annotations_count: 0, annotations_url: url, title: null, summary: null, text: null };
    return {
      ...body,
      id,
      started_at,
      completed_at,
      conclusion,
      status: conclusion === null ? (body.status ?? 'queued') : 'completed',
      html_url: `${url}/runs/${id}`,
      output: { ...said, ...(output as Item) },
    };
  }

  return github;
}
