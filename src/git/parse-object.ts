export interface GitObject {
  readonly id: string;
  readonly type: 'blob' | 'tree' | 'commit' | 'tag';
  readonly content: Buffer;
}

export interface TreeEntry {
  readonly mode: string;
  readonly name: string;
  readonly id: string;
}

/** The entries of a tree object. `idBytes`: 20 for SHA-1, 32 for SHA-256. */
export function parseTree(content: Buffer, idBytes: number): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(32, at);
    const zero = content.indexOf(0, space);
    if (space < 0 || zero < 0) break;
    entries.push({
      mode: content.toString('latin1', at, space),
      name: content.toString('utf8', space + 1, zero),
      id: content.toString('hex', zero + 1, zero + 1 + idBytes),
    });
    at = zero + 1 + idBytes;
  }
  return entries;
}

export interface ParsedCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  /** `Name <mail>` without the time. */
  readonly author: string;
  /** Milliseconds since 1970. */
  readonly committedAt: number;
  readonly message: string;
}

/**
 * Takes a commit object apart as Git does: the tree comes first, then the parents; what bears these names later is a
 * header of somebody else's.
 */
export function parseCommit(content: Buffer): ParsedCommit {
  const text = content.toString('utf8');
  const blank = text.indexOf('\n\n');
  const [first = '', ...lines] = text.slice(0, blank < 0 ? undefined : blank).split('\n');
  const ends = lines.findIndex((line) => !line.startsWith('parent '));
  const header = (key: string) => lines.find((line) => line.startsWith(key))?.slice(key.length) ?? '';
  return {
    tree: first.startsWith('tree ') ? first.slice(5) : '',
    parents: lines.slice(0, ends < 0 ? undefined : ends).map((line) => line.slice(7)),
    author: header('author ').replace(/ \d+ [+-]\d+$/, ''),
    committedAt: Number(/ (\d+) [+-]\d+$/.exec(header('committer '))?.[1] ?? 0) * 1000,
    message: blank < 0 ? '' : text.slice(blank + 2),
  };
}

/** The trailers at the end of a commit message, in order: `Key: value` lines of its last paragraph. */
export function parseTrailers(message: string): [key: string, value: string][] {
  const last = message.trimEnd().split(/\n\n+/).at(-1) ?? '';
  return last.split('\n').flatMap((line): [string, string][] => {
    const match = /^([A-Za-z][A-Za-z0-9-]*): (.*)$/.exec(line);
    return match ? [[match[1] as string, match[2] as string]] : [];
  });
}
