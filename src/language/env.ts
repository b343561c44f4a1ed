import { environmentFault } from './names.ts';
import { quoted, type Report } from './problems.ts';
import { byKind, readList, readMap, readText, readValue, type Shape, shape } from './readers.ts';
import type { LocatedText } from './source.ts';

/** One entry of `env`; without a value it is passed through from whoever submits the run. */
export interface EnvEntry {
  readonly name: LocatedText;
  readonly value: LocatedText | null;
}

const readEnvItem: Shape<EnvEntry> = shape(readText.schema, (tree, what, report) => {
  if (tree.kind === 'map') {
    const name = tree.entries[0]?.key.text ?? 'NAME';
    const message = `${what} is text, ${quoted(`- ${name}=value`)}, but here is a map; as a map \`env\` has no \`-\` before its names`;
    report({ span: tree.span, message });
    return null;
  }
  const read = readText(tree, what, report);
  if (!read) return null;
  const equals = read.text.indexOf('=');
  if (equals < 0) return { name: read, value: null };
  return {
    name: { text: read.text.slice(0, equals), span: read.span },
    value: { text: read.text.slice(equals + 1), span: read.span },
  };
});

const mapSchema = { type: 'object', additionalProperties: readValue.schema };
const readEnvMap: Shape<EnvEntry[]> = shape(mapSchema, (tree, what, report) => {
  const map = readMap(tree, what, report);
  if (!map) return null;
  return map.entries.flatMap((entry) => {
    const value = readValue(entry.value, `${quoted(entry.key.text)} in ${what}`, report);
    return value ? [{ name: entry.key, value }] : [];
  });
});

const readEntries = byKind<EnvEntry[]>(
  { list: readList(readEnvItem), map: readEnvMap },
  'a list of `NAME=value` or `NAME`, or a map',
);

export const readEnv: Shape<EnvEntry[]> = shape(readEntries.schema, (tree, what, report) => {
  const entries = readEntries(tree, what, report);
  return entries && uniqueNames(entries, (entry) => entry.name, what, report);
});

const readNames = readList(readText);

export const readSecrets: Shape<LocatedText[]> = shape(readNames.schema, (tree, what, report) => {
  const names = readNames(tree, what, report);
  return names && uniqueNames(names, (name) => name, what, report);
});

/** Keeps what has a legal name of an environment variable that no earlier one has; reports the rest. */
function uniqueNames<T>(items: T[], nameOf: (item: T) => LocatedText, what: string, report: Report): T[] {
  const seen = new Map<string, LocatedText>();
  return items.filter((item) => {
    const name = nameOf(item);
    const fault = environmentFault(name.text);
    const first = seen.get(name.text);
    // What was taken for a name may hold a secret's value: it is not repeated.
    const shown = name.text.includes('=') ? quoted(`${name.text.split('=')[0]}=…`) : quoted(name.text);
    if (fault) {
      report({ span: name.span, message: `${shown} can't be a name in ${what}: ${fault}` });
    } else if (first) {
      const notes = [{ span: first.span, message: 'the first one' }];
      report({ span: name.span, message: `${shown} is in ${what} twice`, notes });
    }
    if (!fault && !first) seen.set(name.text, name);
    return !fault && !first;
  });
}
