import { quoted, type Report } from './problems.ts';
import { readList, readMap, readValue, type Shape, shape } from './readers.ts';
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

const names = { pattern: axisName.source };
const entrySchema = {
  type: 'object',
  propertyNames: names,
  additionalProperties: readValue.schema,
  minProperties: 1,
};

const readEntryValues = (map: MapTree, what: string, report: Report): MatrixEntry['values'] =>
  map.entries.flatMap(({ key: name, value }) => {
    if (!isAxisName(name, what, report)) return [];
    const read = readValue(value, `${quoted(name.text)} in ${what}`, report);
    return read ? [{ name, value: read }] : [];
  });

const readEntry: Shape<MatrixEntry> = shape(entrySchema, (tree, what, report) => {
  const map = readMap(tree, what, report);
  if (!map) return null;
  if (map.entries.length === 0) {
    report({ span: map.span, message: `${what} is empty` });
    return null;
  }
  return { span: map.span, values: readEntryValues(map, what, report) };
});

const readEntries = readList(readEntry);
const readValues = readList(readValue);
const schema = {
  type: 'object',
  properties: { include: readEntries.schema, exclude: readEntries.schema },
  propertyNames: names,
  additionalProperties: { ...readValues.schema, minItems: 1 },
  minProperties: 1,
};

/** A map of lists, and beside them `include` and `exclude`. Null if anything in it is wrong. */
export const readMatrix: Shape<Matrix> = shape(schema, (tree, what, reportAll) => {
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
      entries[name.text] = readEntries(value, inside, report) ?? [];
      continue;
    }
    if (!isAxisName(name, what, report)) continue;
    const values = readValues(value, inside, report);
    if (values?.length === 0 && sound) {
      report({ span: value.span, message: `${inside} is empty, so nothing would be run` });
    }
    axes.push({ name, values: values ?? [] });
  }
  if (map.entries.length === 0) {
    report({ span: map.span, message: `${what} is empty; a list for each name is expected` });
  }
  return sound ? { axes, ...entries } : null;
});

function isAxisName(name: LocatedText, what: string, report: Report): boolean {
  if (axisName.test(name.text)) return true;
  report({ span: name.span, message: `${quoted(name.text)} can't be a name in ${what}: ${nameRule}` });
  return false;
}
