import { quoted, type Report } from './problems.ts';
import {
  describeKind,
  type Reader,
  readBoolean,
  readList,
  readMap,
  readText,
  readTexts,
  reportUnknownKeys,
  valueUnder,
} from './readers.ts';
import type { LocatedText, Span } from './source.ts';
import type { Tree } from './yaml-tree.ts';

/** What a workflow says it depends on; null where it leaves it open: everything. */
export interface DependsOn {
  readonly references: readonly Reference[];
  readonly files: {
    readonly include: readonly LocatedText[] | null;
    readonly exclude: readonly LocatedText[];
    /** False: the job sees the other files, too; whoever writes that vouches that they don't matter. */
    readonly strict: boolean;
  } | null;
  readonly variables: readonly LocatedText[] | null;
}

/** `workflow`, `workflow:tag` or `:tag`; at least one of them is not null. */
export interface Reference {
  readonly workflow: LocatedText | null;
  readonly tag: LocatedText | null;
  readonly span: Span;
}

/** `[a, b:tag]`, or a map of `repo`, `workflows` and `variables`. */
export const readDependsOn: Reader<DependsOn> = (tree, what, report) => {
  if (tree.kind === 'list') {
    return { references: readReferences(tree, what, report) ?? [], files: null, variables: null };
  }
  if (tree.kind === 'scalar') {
    const message = `${what} is a list of workflows, or a map of repo, workflows and variables, but here is ${describeKind(tree)}`;
    report({ span: tree.span, message });
    return null;
  }
  reportUnknownKeys(tree, what, ['repo', 'workflows', 'variables'], report);
  const inside = <T>(key: string, read: Reader<T>): T | null => {
    const value = valueUnder(tree, key);
    return value ? read(value, `\`${key}\` of ${what}`, report) : null;
  };
  return {
    references: inside('workflows', readReferences) ?? [],
    files: inside('repo', readFiles),
    variables: inside('variables', readTexts),
  };
};

/** The older spelling: a list of `{workflow: …}` and `{tag: …}`. */
export const readDeps: Reader<DependsOn> = (tree, what, report) => {
  const references = readList(readDep)(tree, what, report);
  return references && { references, files: null, variables: null };
};

const readDep: Reader<Reference> = (tree, what, report) => {
  if (tree.kind === 'scalar') return readReference(tree, what, report);
  const map = readMap(tree, what, report);
  if (!map) return null;
  reportUnknownKeys(map, what, ['workflow', 'tag'], report);
  const part = (key: string): LocatedText | null => {
    const value = valueUnder(map, key);
    return value ? readText(value, `\`${key}\` of ${what}`, report) : null;
  };
  const reference = { workflow: part('workflow'), tag: part('tag'), span: map.span };
  if (reference.workflow || reference.tag) return reference;
  if (!valueUnder(map, 'workflow') && !valueUnder(map, 'tag')) {
    report({ span: map.span, message: `${what} names neither a \`workflow\` nor a \`tag\`` });
  }
  return null;
};

const readReference: Reader<Reference> = (tree, what, report) => {
  const read = readText(tree, what, report);
  if (!read) return null;
  const { text, span } = read;
  const colon = text.indexOf(':');
  if (colon < 0) return { workflow: read, tag: null, span };
  const part = (piece: string): LocatedText | null => (piece === '' ? null : { text: piece, span });
  const reference = { workflow: part(text.slice(0, colon)), tag: part(text.slice(colon + 1)), span };
  if (reference.tag) return reference;
  report({ span, message: `${quoted(text)} has no tag behind the colon; \`name:tag\` is expected` });
  return null;
};

const readReferences = readList(readReference);

const readFiles = (tree: Tree, what: string, report: Report): DependsOn['files'] => {
  const map = readMap(tree, what, report);
  if (!map) return null;
  reportUnknownKeys(map, what, ['include', 'exclude', 'strict'], report);
  const patterns = (key: string): LocatedText[] | null => {
    const value = valueUnder(map, key);
    return value ? readTexts(value, `\`${key}\` of ${what}`, report) : null;
  };
  const strict = valueUnder(map, 'strict');
  return {
    include: patterns('include'),
    exclude: patterns('exclude') ?? [],
    strict: !strict || (readBoolean(strict, `\`strict\` of ${what}`, report) ?? true),
  };
};
