const MAX_PATH_BYTES = 4095;
const MAX_NAME_BYTES = 255;
// Characters that HFS+ leaves out when it compares names; Git guards `.git` against them too.
const IGNORED_BY_HFS = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/**
 * What makes a path of a manifest unsafe, or null. Safe: relative to the workspace, `/` between its names, no empty
 * name, no `.`, `..` or `.git`, nothing that a file system cannot hold. Newlines and escapes are legal in names.
 */
export function pathProblem(path: string): string | null {
  if (path === '') return 'is empty';
  if (path.startsWith('/')) return 'is absolute';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  return textProblem(path) ?? firstProblem(path.split('/'), nameProblem);
}

/**
 * What makes the target of the link at `path` unsafe, or null. `..` may only stand at its start, where the folders it
 * leaves are known to be real: behind another link it could mean anything. Links that all keep to this cannot lead
 * out of the workspace together either.
 */
export function linkProblem(path: string, target: string): string | null {
  if (target === '') return 'is empty';
  if (target.startsWith('/')) return 'is absolute';
  if (Buffer.byteLength(target) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  const names = target.split('/').filter((name) => name !== '' && name !== '.');
  const down = names.findIndex((name) => name !== '..');
  const ups = down === -1 ? names.length : down;
  if (ups > path.split('/').length - 1) return 'leaves the workspace';
  const rest = names.slice(ups);
  if (rest.includes('..')) return 'has `..` after a name';
  return textProblem(target) ?? firstProblem(rest, nameProblem);
}

/**
 * `./a//b/` → `a/b`, `.` → `` (the workspace itself). For paths that people write; the result still has to pass
 * {@link pathProblem}, unless it is empty.
 */
export function tidyPath(path: string): string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  return (path.startsWith('/') ? '/' : '') + names.join('/');
}

/** `a/b/c` → `a`, `a/b`. */
export function parentPaths(path: string): string[] {
  const names = path.split('/');
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join('/'));
}

function textProblem(text: string): string | null {
  if (text.includes('\0')) return 'has a NUL character';
  if (/\p{Surrogate}/u.test(text)) return 'is not valid Unicode';
  return null;
}

function nameProblem(name: string): string | null {
  if (name === '') return 'has an empty name in it';
  if (name === '.' || name === '..') return `has \`${name}\` in it`;
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `has a name longer than ${MAX_NAME_BYTES} bytes`;
  const folded = name.replace(IGNORED_BY_HFS, '').toLowerCase();
  if (folded === '.git' || folded === 'git~1') return 'has `.git` in it';
  return null;
}

function firstProblem(names: string[], check: (name: string) => string | null): string | null {
  for (const name of names) {
    const problem = check(name);
    if (problem !== null) return problem;
  }
  return null;
}
