import { type DependsOn, readDependsOn, readDeps } from './depends-on.ts';
import { type Matrix, readMatrix } from './matrix.ts';
import { environmentFault } from './names.ts';
import { quoted, type Report } from './problems.ts';
import {
  describeKind,
  type Reader,
  readList,
  readMap,
  readText,
  readTexts,
  readValue,
  reportUnknownKey,
} from './readers.ts';
import { type Resources, readResources } from './resources.ts';
import { type Retry, readRetry } from './retry.ts';
import type { LocatedText } from './source.ts';
import type { MapTree, Tree } from './yaml-tree.ts';

/** One entry of `env`; without a value it is passed through from whoever submits the run. */
export interface EnvEntry {
  readonly name: LocatedText;
  readonly value: LocatedText | null;
}

/** Ports that a job listens on, or only how many it needs. */
export type Ports = { readonly list: readonly LocatedText[] } | { readonly count: LocatedText };

/** One of `labels`. */
export interface Label {
  readonly name: LocatedText;
  readonly value: LocatedText;
}

/** What stands under a workflow's keys, each read for itself. */
export interface WorkflowFields {
  name: LocatedText;
  help: LocatedText;
  image: LocatedText;
  provider: LocatedText;
  commands: LocatedText[];
  file: LocatedText;
  args: LocatedText | LocatedText[];
  version: LocatedText;
  requirements: LocatedText;
  dependsOn: DependsOn;
  artifacts: LocatedText[];
  env: EnvEntry[];
  workingDir: LocatedText;
  resources: Resources;
  ports: Ports;
  timeout: LocatedText;
  retry: Retry;
  labels: Label[];
  secrets: LocatedText[];
  matrix: Matrix;
}

type Field = keyof WorkflowFields;
type KeyRule = { readonly field: Field; readonly read: Reader<unknown> } | 'not supported yet';

const key = <F extends Field>(field: F, read: Reader<WorkflowFields[F]>): KeyRule => ({ field, read });

const readArtifact: Reader<LocatedText> = (tree, what, report) => {
  if (tree.kind !== 'map') return readText(tree, what, report);
  let path: LocatedText | null = null;
  for (const entry of tree.entries) {
    if (entry.key.text === 'path') path = readText(entry.value, `\`path\` of ${what}`, report);
    else reportUnknownKey(entry.key, what, ['path'], report);
  }
  if (tree.entries.length === 0) report({ span: tree.span, message: `${what} has no \`path\`` });
  return path;
};

const readEnvItem: Reader<EnvEntry> = (tree, what, report) => {
  const read = readText(tree, what, report);
  if (!read) return null;
  const equals = read.text.indexOf('=');
  if (equals < 0) return { name: read, value: null };
  return {
    name: { text: read.text.slice(0, equals), span: read.span },
    value: { text: read.text.slice(equals + 1), span: read.span },
  };
};

const readEnvMap = (map: MapTree, what: string, report: Report): EnvEntry[] =>
  map.entries.flatMap((entry) => {
    const value = readValue(entry.value, `${quoted(entry.key.text)} in ${what}`, report);
    return value ? [{ name: entry.key, value }] : [];
  });

const readEnv: Reader<EnvEntry[]> = (tree, what, report) => {
  if (tree.kind === 'scalar') {
    const message = `${what} is a list of \`NAME=value\` or \`NAME\`, or a map, but here is ${describeKind(tree)}`;
    report({ span: tree.span, message });
    return null;
  }
  const entries =
    tree.kind === 'map' ? readEnvMap(tree, what, report) : readList(readEnvItem)(tree, what, report);
  return entries && uniqueNames(entries, (entry) => entry.name, what, report);
};

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

const readSecrets: Reader<LocatedText[]> = (tree, what, report) => {
  const names = readList(readText)(tree, what, report);
  return names && uniqueNames(names, (name) => name, what, report);
};

const readArgs: Reader<LocatedText | LocatedText[]> = (tree, what, report) =>
  tree.kind === 'list' ? readList(readValue)(tree, what, report) : readText(tree, what, report);

const readPorts: Reader<Ports> = (tree, what, report) => {
  if (tree.kind === 'scalar') {
    const count = readValue(tree, what, report);
    return count && { count };
  }
  const list = readList(readValue)(tree, what, report);
  return list && { list };
};

const labelName = /^[A-Za-z0-9][\w./-]{0,63}$/;

const readLabels: Reader<Label[]> = (tree, what, report) => {
  const map = readMap(tree, what, report);
  if (!map) return null;
  return map.entries.flatMap(({ key: name, value }) => {
    if (!labelName.test(name.text)) {
      const message = `${quoted(name.text)} can't be a label: letters, digits, "_", ".", "/" and "-" are allowed, at most 64`;
      report({ span: name.span, message });
      return [];
    }
    const read = readValue(value, `${quoted(name.text)} in ${what}`, report);
    return read ? [{ name, value: read }] : [];
  });
};

/**
 * Every key of the language, in the order in which messages list them. What the rest of dstack doesn't honour
 * yet is refused rather than ignored.
 */
const rules: Readonly<Record<string, KeyRule>> = {
  name: key('name', readText),
  help: key('help', readText),
  image: key('image', readText),
  provider: key('provider', readText),
  commands: key('commands', readTexts),
  file: key('file', readText),
  args: key('args', readArgs),
  version: key('version', readText),
  requirements: key('requirements', readText),
  'depends-on': key('dependsOn', readDependsOn),
  artifacts: key('artifacts', readList(readArtifact)),
  env: key('env', readEnv),
  secrets: key('secrets', readSecrets),
  working_dir: key('workingDir', readText),
  matrix: key('matrix', readMatrix),
  resources: key('resources', readResources),
  ports: key('ports', readPorts),
  timeout: key('timeout', readValue),
  retry: key('retry', readRetry),
  labels: key('labels', readLabels),
  // Spellings of earlier versions.
  environment: key('env', readEnv),
  deps: key('dependsOn', readDeps),
  script: key('file', readText),
  metrics: 'not supported yet',
  on: 'not supported yet',
};

const olderSpellings = ['environment', 'deps', 'script'];
const offered = Object.keys(rules).filter(
  (name) => rules[name] !== 'not supported yet' && !olderSpellings.includes(name),
);

/** What was found under a field's key: the key itself, and the value unless it was unreadable. */
export type FoundFields = {
  [F in Field]?: { readonly key: LocatedText; readonly value: WorkflowFields[F] | null };
};

/** Reads all keys of a workflow; reports those that are unknown, unsupported or given in two spellings. */
export function readFields(tree: Tree, report: Report): FoundFields | null {
  const map = readMap(tree, 'a workflow', report);
  if (!map) return null;
  const found: Partial<Record<Field, { key: LocatedText; value: unknown }>> = {};
  for (const { key, value } of map.entries) {
    const rule = Object.hasOwn(rules, key.text) ? rules[key.text] : undefined;
    if (rule === undefined) {
      reportUnknownKey(key, 'a workflow', offered, report);
    } else if (rule === 'not supported yet') {
      report({
        span: key.span,
        message: `${quoted(key.text)} is not supported yet by this version of dstack`,
      });
    } else if (found[rule.field]) {
      const first = found[rule.field]!.key;
      const message = `${quoted(key.text)} and ${quoted(first.text)} mean the same; one of them is enough`;
      report({ span: key.span, message, notes: [{ span: first.span, message: 'the other one' }] });
    } else {
      found[rule.field] = { key, value: rule.read(value, quoted(key.text), report) };
    }
  }
  // Sound because `key` ties each field to a reader of its type.
  return found as FoundFields;
}
