/** A text as it was, and what may stand in its place. */
export type Pair = readonly [before: string, after: string];

/** So many steps are worth telling two texts apart that may be the same but for names. */
const mostSteps = 100_000;

/** Does a text become the other if some of its parts are replaced, each by what may stand in its place? */
export function alike(before: string, after: string, pairs: readonly Pair[]): boolean {
  if (before === after) return true;
  const useful = pairs.filter(([from, to]) => from !== '' && from !== to);
  if (useful.length === 0) return false;
  const width = after.length + 1;
  const seen = new Set<number>([0]);
  const open = [0];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const [at, there] = [Math.floor(place / width), place % width];
    if (at === before.length && there === after.length) return true;
    const reach = (nextAt: number, nextThere: number) => {
      const next = nextAt * width + nextThere;
      if (!seen.has(next)) open.push(next);
      seen.add(next);
    };
    if (at < before.length && before[at] === after[there]) reach(at + 1, there + 1);
    for (const [from, to] of useful) {
      if (before.startsWith(from, at) && after.startsWith(to, there))
        reach(at + from.length, there + to.length);
    }
    if (seen.size > mostSteps) return false;
  }
  return false;
}
