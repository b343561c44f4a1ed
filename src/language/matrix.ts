import { quoted, type Report } from './problems.ts';
import { type Reader, readList, readMap, readValue } from './readers.ts';
import type { LocatedText, Span } from './source.ts';
import type { MapTree } from './yaml-tree.ts';

/** `matrix` as written; each value may still hold variables. */
export interface Matrix {
  /** In the order of the file. */
  readonly axes: readonly Axis[];
  readonly include: readonly MatrixEntry[];
  readonly exclude: readonly MatrixEntry[];
}

export interface Axis {
  readonly name: LocatedText;
  readonly values: readonly LocatedText[];
}

/** An item of `include` or `exclude`. */
export interface MatrixEntry {
  readonly span: Span;
  readonly values: readonly { readonly name: LocatedText; readonly value: LocatedText }[];
}

const axisName = /^[A-Za-z_][\w-]{0,63}$/;
const nameRule = 'letters, digits, "-" and "_" are allowed, at most 64, and it begins with a letter';

/** A map of lists, and beside them `include` and `exclude`. Null if anything in it is wrong. */
export const readMatrix: Reader<Matrix> = (tree, what, reportAll) => {
  let sound = true;
  const report: Report = (problem) => {
    sound = false;
    reportAll(problem);
  };
  const map = readMap(tree, what, report);
  if (!map) return null;
  const axes: Axis[] = [];
  const entries: { include: MatrixEntry[]; exclude: MatrixEntry[] } = { include: [], exclude: [] };
  for (const { key: name, value } of map.entries) {
    const inside = `${quoted(name.text)} of ${what}`;
    if (name.text === 'include' || name.text === 'exclude') {
      entries[name.text] = readList(readEntry)(value, inside, report) ?? [];
      continue;
    }
    if (!isAxisName(name, what, report)) continue;
    const values = readList(readValue)(value, inside, report);
    if (values?.length === 0 && sound) {
      report({ span: value.span, message: `${inside} is empty, so nothing would be run` });
    }
    axes.push({ name, values: values ?? [] });
  }
  if (map.entries.length === 0) {
    report({ span: map.span, message: `${what} is empty; a list for each name is expected` });
  }
  return sound ? { axes, ...entries } : null;
};

const readEntry: Reader<MatrixEntry> = (tree, what, report) => {
  const map = readMap(tree, what, report);
  if (!map) return null;
  if (map.entries.length === 0) {
    report({ span: map.span, message: `${what} is empty` });
    return null;
  }
  return { span: map.span, values: readEntryValues(map, what, report) };
};

const readEntryValues = (map: MapTree, what: string, report: Report): MatrixEntry['values'] =>
  map.entries.flatMap(({ key: name, value }) => {
    if (!isAxisName(name, what, report)) return [];
    const read = readValue(value, `${quoted(name.text)} in ${what}`, report);
    return read ? [{ name, value: read }] : [];
  });

function isAxisName(name: LocatedText, what: string, report: Report): boolean {
  if (axisName.test(name.text)) return true;
  report({ span: name.span, message: `${quoted(name.text)} can't be a name in ${what}: ${nameRule}` });
  return false;
}
