import { quoted, type Report } from './problems.ts';
import type { LocatedText, Span } from './source.ts';
import type { MapTree, ScalarTree, Tree } from './yaml-tree.ts';

/** Takes a value of one kind out of the tree; null if it is of another kind, which it reports. */
export type Reader<T> = (tree: Tree, what: string, report: Report) => T | null;

/** JSON Schema, draft 7: what editors understand. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A reader, and what an editor can know of the values that it takes. */
export interface Shape<T> extends Reader<T> {
  readonly schema: JsonSchema;
}

export function shape<T>(schema: JsonSchema, read: Reader<T>): Shape<T> {
  return Object.assign<Reader<T>, { schema: JsonSchema }>((...args) => read(...args), { schema });
}

/** What a shape reads, made into something else. */
export function mapped<T, U>(of: Shape<T>, change: (value: T, tree: Tree) => U): Shape<U> {
  return shape(of.schema, (tree, what, report) => {
    const value = of(tree, what, report);
    return value === null ? null : change(value, tree);
  });
}

/** One of several shapes, by the kind of the value. `expected` says what these are, for a value of another kind. */
export function byKind<T>(shapes: { [K in Tree['kind']]?: Shape<T> }, expected?: string): Shape<T> {
  const all = Object.values(shapes);
  return shape({ anyOf: all.map(({ schema }) => schema) }, (tree, what, report) => {
    const found = shapes[tree.kind] ?? (expected === undefined ? all.at(-1) : undefined);
    if (found) return found(tree, what, report);
    report({
      span: firstLine(tree.span),
      message: `${what} is ${expected}, but here is ${describeKind(tree)}`,
    });
    return null;
  });
}

/** A map of known keys, each with its own shape. A key that isn't there is undefined, one that can't be read null. */
export function readKeys<T extends object>(
  shapes: { readonly [K in keyof T]: Shape<T[K]> },
): Shape<{
  readonly [K in keyof T]?: T[K] | null;
}> {
  const known = Object.keys(shapes) as (keyof T & string)[];
  const schema = {
    type: 'object',
    properties: Object.fromEntries(known.map((key) => [key, shapes[key].schema])),
    additionalProperties: false,
  };
  return shape(schema, (tree, what, report) => {
    const map = readMap(tree, what, report);
    if (!map) return null;
    const found: { [K in keyof T]?: T[K] | null } = {};
    for (const { key, value } of map.entries) {
      const name = known.find((one) => one === key.text);
      if (name === undefined) reportUnknownKey(key, what, known, report);
      else found[name] = shapes[name](value, `${quoted(name)} of ${what}`, report);
    }
    return found;
  });
}

/** Older YAML takes these for booleans, and so do many editors and tools. */
const oldBoolean = /^(?:yes|no|on|off)$/i;

/**
 * Text, not empty. A number is taken as it is written, so that `3.10` isn't 3.1; what some YAML takes for a boolean
 * must be quoted, since nobody can tell what was meant.
 */
export const readText: Shape<LocatedText> = shape(
  { type: ['string', 'number'], pattern: '\\S' },
  (tree, what, report) => {
    const scalar = readScalar(tree, what, 'text', report);
    if (!scalar) return null;
    if (scalar.type === 'boolean' || (scalar.plain && oldBoolean.test(scalar.text))) {
      const fix = `write ${quoted(JSON.stringify(scalar.text))}, in quotes`;
      report({
        span: scalar.span,
        message: `${what} is text, and ${quoted(scalar.text)} is a boolean in YAML; ${fix}`,
      });
      return null;
    }
    if (scalar.text.trim() === '') {
      report({ span: scalar.span, message: `${what} is empty` });
      return null;
    }
    return { text: scalar.text, span: scalar.span };
  },
);

/** Any scalar, taken exactly as it is written: `0.10` stays `0.10`. May be the empty text in quotes. */
export const readValue: Shape<LocatedText> = shape(
  { type: ['string', 'number', 'boolean'] },
  (tree, what, report) => readScalar(tree, what, 'a value', report),
);

/** A value that is checked once its variables are put in; `schema` is what it is then. */
export function readQuantity(schema: JsonSchema): Shape<LocatedText> {
  return shape({ anyOf: [schema, { type: 'string', pattern: '\\$' }] }, readValue);
}

/** One of a few words. `whats` is what they are, for the message. */
export function readWord(words: readonly string[], whats: string): Shape<LocatedText> {
  return shape({ enum: words }, (tree, what, report) => {
    const word = readText(tree, what, report);
    if (!word || words.includes(word.text)) return word;
    report({
      span: word.span,
      message: `there is no ${whats} ${quoted(word.text)}`,
      unknown: { word: word.text, known: words },
    });
    return null;
  });
}

function readScalar(tree: Tree, what: string, expected: string, report: Report): ScalarTree | null {
  if (tree.kind !== 'scalar') {
    report({ span: firstLine(tree.span), message: `${what} is ${expected}, but here is a ${tree.kind}` });
    return null;
  }
  if (tree.type === 'nothing') {
    report({ span: tree.span, message: `${what} has no value; empty text is written \`""\`` });
    return null;
  }
  // Neither a command line nor an environment can carry it.
  if (tree.text.includes('\u0000')) {
    report({ span: tree.span, message: `${what} contains a NUL character` });
    return null;
  }
  return tree;
}

/** A list, each item by `readItem`. Items that can't be read are left out, and reported. */
export function readList<T>(readItem: Shape<T>): Shape<T[]> {
  return shape({ type: 'array', items: readItem.schema }, (tree, what, report) => {
    if (tree.kind !== 'list') {
      const found = describeKind(tree);
      report({
        span: firstLine(tree.span),
        message: `${what} is a list, with \`- …\` for each item, but here is ${found}`,
      });
      return null;
    }
    return tree.items.flatMap((item) => readItem(item, `an item of ${what}`, report) ?? []);
  });
}

export const readBoolean: Shape<boolean> = shape({ type: 'boolean' }, (tree, what, report) => {
  const scalar = readScalar(tree, what, '`true` or `false`', report);
  if (!scalar) return null;
  if (scalar.type === 'boolean') return scalar.text.toLowerCase() === 'true';
  report({
    span: scalar.span,
    message: `${what} is \`true\` or \`false\`, but here is ${quoted(scalar.text)}`,
  });
  return null;
});

export const readTexts: Shape<LocatedText[]> = readList(readText);

/** A map, unlike which anything else is reported. */
export const readMap: Reader<MapTree> = (tree, what, report) => {
  if (tree.kind === 'map') return tree;
  report({
    span: firstLine(tree.span),
    message: `${what} is a map, \`key: value\`, but here is ${describeKind(tree)}`,
  });
  return null;
};

/** Reports the keys of a map that are not among the known ones. */
export function reportUnknownKeys(
  map: MapTree,
  what: string,
  known: readonly string[],
  report: Report,
): void {
  for (const { key } of map.entries) {
    if (!known.includes(key.text)) reportUnknownKey(key, what, known, report);
  }
}

/** @param foreign what to write instead of keys that are no slips, but known from elsewhere */
export function reportUnknownKey(
  key: LocatedText,
  what: string,
  known: readonly string[],
  report: Report,
  foreign: Readonly<Record<string, string>> = {},
): void {
  if (Object.hasOwn(foreign, key.text)) {
    const message = `unknown key ${quoted(key.text)} in ${what}; ${foreign[key.text]}`;
    report({ span: key.span, message });
    return;
  }
  const reason =
    key.text === '<<'
      ? 'merging with `<<` is not part of YAML 1.2'
      : `unknown key ${quoted(key.text)} in ${what}`;
  report({
    span: key.span,
    message: reason,
    ...(key.text !== '<<' && { unknown: { word: key.text, known } }),
  });
}

/** The value of a map's key, or undefined. */
export function valueUnder(map: MapTree, key: string): Tree | undefined {
  return map.entries.find((entry) => entry.key.text === key)?.value;
}

export function describeKind(tree: Tree): string {
  if (tree.kind !== 'scalar') return `a ${tree.kind}`;
  return tree.type === 'nothing' ? 'nothing' : quoted(tree.text);
}

/** Where a collection starts; its whole extent would mark more than the error is about. */
function firstLine(span: Span): Span {
  const end = span.source.text.indexOf('\n', span.start);
  return end < 0 || end > span.end ? span : { ...span, end };
}
