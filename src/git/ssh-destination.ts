/** What ssh is told of where to. */
export interface SshDestination {
  /** `[user@]host`. */
  readonly host: string;
  readonly port: string | null;
}

/** Reads the address of a repository as Git does; null if it isn't one that ssh is called for. */
export function sshDestination(address: string): SshDestination | null {
  const url = /^(?:ssh|git\+ssh|ssh\+git):\/\/([^/]+)/i.exec(address);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(address) && !url) return null;
  const place = url?.[1] ?? /^((?:[^/:[\]]+@)?\[[^\]/]+\]|[^/:[\]]+):/.exec(address)?.[1];
  if (!place) return null;
  const parts = /^(?<user>(?:[^@]*@)?)(?:\[(?<inner>[^\]]+)\]|(?<plain>[^:[\]]+))(?::(?<port>\d*))?$/.exec(
    place,
  );
  if (!parts?.groups) return null;
  const { user = '', inner, plain, port } = parts.groups;
  // `[host:port]:path` is Git's way to give a port where there is no `ssh://`.
  const bracketed = /^([^:]+):(\d+)$/.exec(inner ?? '');
  const host = `${user}${bracketed?.[1] ?? inner ?? plain}`;
  if (host.startsWith('-') || user === '@') return null;
  return { host, port: bracketed?.[2] ?? (port || null) };
}
