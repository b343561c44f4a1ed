/** The outcome of checking a path: its normal form, or why it can't be used. */
export type CheckedPath = { readonly path: string } | { readonly fault: string };

const control = /[\u0000-\u001f\u007f]/;

/**
 * Checks an artifact's path: relative, `/` between its parts, neither `..` nor `.git` in it, no pattern.
 * `.` is refused too: it would keep the whole snapshot, and put it over the files of every job that uses it.
 */
export function checkArtifactPath(text: string): CheckedPath {
  const checked = checkRelative(text);
  if ('fault' in checked) return checked;
  if (checked.path === '.')
    return { fault: 'it would keep the whole workspace; name a file or a folder in it' };
  if (/[*?]/.test(text)) return { fault: 'patterns are not possible here; name a file or a folder' };
  return checked;
}

/** Checks the path of one file: as an artifact's. */
export function checkFilePath(text: string): CheckedPath {
  const checked = checkRelative(text);
  if ('fault' in checked) return checked;
  if (checked.path === '.' || text.endsWith('/')) return { fault: 'it is a folder; name a file' };
  if (/[*?]/.test(text)) return { fault: 'patterns are not possible here; name a file' };
  return checked;
}

/** Checks a folder that a runner keeps from job to job: as an artifact's path, or `~/` and such a path. */
export function checkCachedFolder(text: string): CheckedPath {
  if (/^~\/?$/.test(text)) return { fault: 'it would keep the whole home; name a folder in it' };
  const inHome = text.startsWith('~/');
  const checked = checkRelative(inHome ? text.slice(2) : text);
  if ('fault' in checked) return checked;
  if (checked.path === '.') {
    return { fault: `it would keep the whole ${inHome ? 'home' : 'workspace'}; name a folder in it` };
  }
  if (/[*?]/.test(text)) return { fault: 'patterns are not possible here; name a folder' };
  return inHome ? { path: `~/${checked.path}` } : checked;
}

/** Checks a working directory: as an artifact's path, but `.` stands for the workspace itself. */
export function checkWorkingDir(text: string): CheckedPath {
  return checkRelative(text);
}

/** Checks a pattern that selects files of the repository. `data/` stands for `data/**`. */
export function checkGlob(text: string): CheckedPath {
  if (text.startsWith('!'))
    return { fault: 'it begins with "!"; what is to be left out belongs under `exclude`' };
  const checked = checkRelative(text);
  if ('fault' in checked) return checked;
  if (checked.path === '.') return { path: '**' };
  return { path: text.endsWith('/') ? `${checked.path}/**` : checked.path };
}

function checkRelative(text: string): CheckedPath {
  if (text === '') return { fault: 'it is empty' };
  if (text.length > 4000) return { fault: 'it is longer than a path can be' };
  if (control.test(text)) return { fault: 'it contains a control character' };
  if (text.startsWith('/'))
    return { fault: 'it is absolute; paths are relative to the top of the repository' };
  if (text.startsWith('~'))
    return { fault: '`~` has no meaning in a job; paths are relative to the repository' };
  if (text.includes('\\')) return { fault: 'it contains a backslash; write `/` between folders' };
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return { fault: '`..` would lead out of the workspace' };
  if (parts.some((part) => part.toLowerCase() === '.git')) {
    return { fault: '`.git` is no place for files of a job' };
  }
  return { path: parts.length === 0 ? '.' : parts.join('/') };
}

/** A path and whom it belongs to. */
export interface Owned<T> {
  readonly path: string;
  readonly owner: T;
}

/** Finds two paths of different owners where one is, or contains, the other; null if there are none. */
export function findOverlap<T>(paths: readonly Owned<T>[]): [Owned<T>, Owned<T>] | null {
  const enclosing: Keyed<T>[] = [];
  for (const item of inOrder(paths)) {
    while (enclosing.length > 0 && !item.key.startsWith(enclosing.at(-1)!.key)) enclosing.pop();
    const other = enclosing.find(({ owned }) => owned.owner !== item.owned.owner);
    if (other) return [other.owned, item.owned];
    enclosing.push(item);
  }
  return null;
}

/** Every owner that {@link findOverlap} could find. No path of an owner is inside of another one of his. */
export function overlappingOwners<T>(paths: readonly Owned<T>[]): Set<T> {
  const found = new Set<T>();
  const enclosing: Keyed<T>[] = [];
  // The first so many of `enclosing` are found already.
  let known = 0;
  for (const item of inOrder(paths)) {
    while (enclosing.length > 0 && !item.key.startsWith(enclosing.at(-1)!.key)) enclosing.pop();
    known = Math.min(known, enclosing.length);
    for (; known < enclosing.length; known++) found.add(enclosing[known]!.owned.owner);
    if (enclosing.length > 0) found.add(item.owned.owner);
    enclosing.push(item);
  }
  return found;
}

interface Keyed<T> {
  readonly owned: Owned<T>;
  readonly key: string;
}

/** With `/` before everything else in the order, what a folder contains follows it directly. */
function inOrder<T>(paths: readonly Owned<T>[]): Keyed<T>[] {
  const keyed = paths.map((owned) => ({ owned, key: `${owned.path.replaceAll('/', '\u0000')}\u0000` }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** Without what lies inside of another of them, or is there twice. Keeps the order. */
export function withoutNested(paths: readonly string[]): string[] {
  const all = new Set(paths);
  const inside = (path: string) => {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      if (all.has(path.slice(0, at))) return true;
    }
    return false;
  };
  return [...all].filter((path) => !inside(path));
}
