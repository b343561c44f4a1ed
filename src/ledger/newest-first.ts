/** For sorting runs: the newest first; of those of one second, which is as fine as Git's times are, always the same. */
export function newestFirst<T extends { readonly name: string; readonly submittedAt: string | number }>(
  a: T,
  b: T,
): number {
  return compare(b.submittedAt, a.submittedAt) || compare(b.name, a.name);
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
