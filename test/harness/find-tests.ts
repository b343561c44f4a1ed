import { glob } from 'tinyglobby';

/** What needs Docker or minutes: left out of a fast run. */
const SLOW = /\.(docker|slow)\.test\.tsx?$|^test\/(e2e|faults)\//;

/**
 * The test files below `root`, relative to it, the slow ones first so that they do not run alone at the end.
 * With `filters`, only those whose path contains one of them.
 */
export async function findTests(
  root: string,
  options: { fast: boolean; filters: readonly string[] },
): Promise<string[]> {
  const found = await glob('test/**/*.test.{ts,tsx}', { cwd: root });
  return found
    .filter((file) => !options.fast || !SLOW.test(file))
    .filter((file) => options.filters.length === 0 || options.filters.some((part) => file.includes(part)))
    .sort((a, b) => Number(SLOW.test(b)) - Number(SLOW.test(a)) || a.localeCompare(b));
}
