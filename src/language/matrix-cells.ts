import { interpolate, type Scope } from './interpolation.ts';
import type { Matrix, MatrixEntry } from './matrix.ts';
import type { Report } from './problems.ts';
import type { LocatedText } from './source.ts';

/** What `${{ matrix.name }}` stands for in one cell. */
export type CellValues = ReadonlyMap<string, string>;

/** Cells of one matrix, and jobs of one plan. */
export const mostJobs = 10_000;
/** Comparisons of cells with items of `include` and `exclude`. */
const mostComparisons = 20_000_000;

/**
 * The cells of a matrix, by the rules of GitHub Actions: every combination of the lists (the first varies slowest),
 * less those that an item of `exclude` matches, and each item of `include` put into every combination in which it
 * replaces no value of a list, or else added as a cell of its own. Values are compared as written.
 * @returns empty after a report
 */
export function matrixCells(matrix: Matrix, key: LocatedText, scope: Scope, report: Report): CellValues[] {
  const texts = (values: readonly LocatedText[]) => values.map((value) => interpolate(value, scope, report));
  const axes = matrix.axes.map(({ name, values }) => ({ name: name.text, values: texts(values) }));
  const names = new Set(axes.map(({ name }) => name));
  const excluded = resolveEntries(matrix.exclude, scope, report);
  const included = resolveEntries(matrix.include, scope, report);
  let sound = !axes.some(({ values }) => values.includes(null)) && excluded !== null && included !== null;
  for (const { name } of matrix.exclude.flatMap(({ values }) => values)) {
    if (names.has(name.text)) continue;
    sound = false;
    const unknown = { word: name.text, known: names };
    report({ span: name.span, message: 'what is excluded has no list in the matrix', unknown });
  }
  const fail = (message: string): CellValues[] => {
    report({ span: key.span, message });
    return [];
  };
  const combinations = axes.length === 0 ? 0 : axes.reduce((count, { values }) => count * values.length, 1);
  if (combinations + matrix.include.length > mostJobs)
    return fail(`the matrix has more than ${mostJobs} cells`);
  const items = matrix.include.length + matrix.exclude.length;
  if (combinations * items > mostComparisons) return fail('`include` and `exclude` have too many items');
  if (!sound || !excluded || !included) return [];
  const cells = addIncluded(
    combine(axes as { name: string; values: string[] }[]).filter((cell) => !excluded.some(matches(cell))),
    included,
    names,
  );
  return cells.length > 0 ? cells : fail('the matrix has no cells: everything is excluded');
}

function resolveEntries(
  entries: readonly MatrixEntry[],
  scope: Scope,
  report: Report,
): [name: string, value: string][][] | null {
  let sound = true;
  const resolved = entries.map(({ values }) =>
    values.map(({ name, value }): [string, string] => {
      const text = interpolate(value, scope, report);
      sound &&= text !== null;
      return [name.text, text ?? ''];
    }),
  );
  return sound ? resolved : null;
}

function combine(axes: readonly { name: string; values: string[] }[]): Map<string, string>[] {
  if (axes.length === 0) return [];
  let cells = [new Map<string, string>()];
  for (const { name, values } of axes) {
    cells = cells.flatMap((cell) => values.map((value) => new Map(cell).set(name, value)));
  }
  return cells;
}

const matches =
  (cell: CellValues) =>
  (entry: readonly [name: string, value: string][]): boolean =>
    entry.every(([name, value]) => cell.get(name) === value);

function addIncluded(
  combinations: Map<string, string>[],
  included: readonly [name: string, value: string][][],
  axes: ReadonlySet<string>,
): CellValues[] {
  // What was included earlier may be replaced, what is in the lists may not.
  const fits = combinations.map(matches);
  const added: CellValues[] = [];
  for (const entry of included) {
    const ofAxes = entry.filter(([name]) => axes.has(name));
    const into = combinations.filter((_, i) => fits[i]!(ofAxes));
    for (const cell of into) for (const [name, value] of entry) cell.set(name, value);
    if (into.length === 0) added.push(new Map(entry));
  }
  return [...combinations, ...added];
}
