/** A repository on GitHub, and where its API is. */
export interface GitHubRepository {
  /** The host's name, such as `github.com`. */
  readonly host: string;
  readonly owner: string;
  readonly name: string;
  /** Without a slash at its end. */
  readonly api: string;
  /** Its page, for links. */
  readonly page: string;
}

/**
 * The repository on GitHub that a remote's address names. Which other hosts are GitHub Enterprise Server, no address
 * tells: the one that `GH_HOST` or `GITHUB_SERVER_URL` names is. `GITHUB_API_URL` counts for the host of
 * `GITHUB_SERVER_URL`, as where GitHub Actions sets both.
 * @returns null if it is none
 */
export function findGitHub(address: string, env: NodeJS.ProcessEnv): GitHubRepository | null {
  const place = placeOf(address);
  if (!place) return null;
  const { host, path } = place;
  const match = /^\/*([A-Za-z0-9][A-Za-z0-9_-]*)\/([A-Za-z0-9._-]+?)(?:\.git)?\/*$/.exec(path);
  const [, owner, name] = match ?? [];
  if (!owner || !name || /^\.+$/.test(name)) return null;
  const server = urlOf(env.GITHUB_SERVER_URL) ?? new URL('https://github.com');
  const known =
    host === 'github.com' ||
    host.endsWith('.ghe.com') ||
    host === server.hostname ||
    host === env.GH_HOST?.toLowerCase().replace(/:\d+$/, '');
  if (!known) return null;
  const given = host === server.hostname ? urlOf(env.GITHUB_API_URL) : null;
  const origin = host === server.hostname ? server.origin : `https://${host}`;
  const page = `${origin}/${owner}/${name}`;
  return { host, owner, name, api: given?.href.replace(/\/+$/, '') ?? apiOf(host), page };
}

function apiOf(host: string): string {
  if (host === 'github.com' || host.endsWith('.ghe.com')) return `https://api.${host}`;
  return `https://${host}/api/v3`;
}

/** A URL, or `user@host:path`; in lower case what is of no case, and the hosts that stand for another as that. */
function placeOf(address: string): { host: string; path: string } | null {
  const url = /^(?:https?|ssh|git|git\+ssh):\/\//i.test(address) ? urlOf(address) : null;
  const short = url ? null : /^(?:[^@/\s:]+@)?([A-Za-z0-9.-]+):(?!\/\/)(.+)$/.exec(address);
  const host = (url?.hostname ?? short?.[1])?.toLowerCase();
  const path = url?.pathname ?? short?.[2];
  if (!host || path === undefined) return null;
  return { host: host.replace(/^(ssh|www)\.(?=github\.com$)/, ''), path };
}

function urlOf(text: string | undefined): URL | null {
  try {
    return text ? new URL(text) : null;
  } catch {
    return null;
  }
}
