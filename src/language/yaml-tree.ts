import {
  type CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  Parser,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { quoted, type Report } from './problems.ts';
import type { LocatedText, Source, Span } from './source.ts';

/** A YAML value with its place. Aliases are resolved; keys are texts, each once in a map. */
export type Tree = ScalarTree | ListTree | MapTree;

export interface ScalarTree {
  readonly kind: 'scalar';
  /** As it was written, so `3.10` stays `3.10`; for text without its quotes and escapes. */
  readonly text: string;
  readonly type: 'text' | 'number' | 'boolean' | 'nothing';
  /** Written without quotes, and not as a block. */
  readonly plain: boolean;
  readonly span: Span;
}

export interface ListTree {
  readonly kind: 'list';
  readonly items: readonly Tree[];
  readonly span: Span;
}

export interface MapTree {
  readonly kind: 'map';
  readonly entries: readonly { readonly key: LocatedText; readonly value: Tree }[];
  readonly span: Span;
}

const mostCharacters = 256 * 1024;
const mostValues = 50_000;
const deepest = 50;

/** Reads one YAML 1.2 document. Null if it is empty, or if it could not be read, which was then reported. */
export function readYaml(source: Source, report: Report): Tree | null {
  const whole = { source, start: 0, end: 0 };
  if (source.text.length > mostCharacters) {
    report({ span: whole, message: `the file is larger than ${mostCharacters} characters` });
    return null;
  }
  const tooDeep = findTooDeep(source);
  if (tooDeep) {
    report({ span: tooDeep, message: `nested more than ${deepest} levels deep` });
    return null;
  }
  const document = parseDocument(source.text, {
    prettyErrors: false,
    // Duplicates are found below, in linear time and with both places.
    uniqueKeys: false,
    resolveKnownTags: false,
    logLevel: 'error',
  });
  const failures = firstOfEachLine(source, [...document.errors, ...document.warnings]);
  for (const failure of failures) {
    report({
      span: { source, start: failure.pos[0], end: failure.pos[1] },
      message: explain(failure, source.text),
    });
  }
  if (failures.length > 0 || document.contents === null) return null;
  try {
    const tree = convertRoot(source, document.contents as ParsedNode, report);
    return tree.kind === 'scalar' && tree.type === 'nothing' ? null : tree;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    report({ span: error.span, message: error.message });
    return null;
  }
}

/**
 * The first collection inside of too many others. Composing a document is recursive, and near the end of the
 * stack Node may die of it instead of throwing; the tokens are made without recursion.
 */
function findTooDeep(source: Source): Span | null {
  const left: { token: CST.Token | null | undefined; depth: number }[] = [];
  for (const token of new Parser().parse(source.text)) {
    left.push({ token, depth: 0 });
    for (let next = left.pop(); next; next = left.pop()) {
      const { token, depth } = next;
      if (token?.type === 'document') left.push({ token: token.value, depth });
      if (!token || !('items' in token)) continue;
      if (depth > deepest) return { source, start: token.offset, end: token.offset + 1 };
      for (const item of token.items) {
        left.push({ token: item.value, depth: depth + 1 }, { token: item.key, depth: depth + 1 });
      }
    }
  }
  return null;
}

/** One mistake makes the parser stumble several times on the same line, and then over all that follows. */
function firstOfEachLine(source: Source, errors: readonly YAMLError[]): YAMLError[] {
  const sorted = [...errors]
    .sort((a, b) => a.pos[0] - b.pos[0])
    .filter((error, i) => i === 0 || !/^Unexpected .* in YAML stream/.test(error.message));
  return sorted.filter(
    (error, i) => i === 0 || source.text.slice(sorted[i - 1]!.pos[0], error.pos[0]).includes('\n'),
  );
}

function explain(error: YAMLError, text: string): string {
  const tab = text[error.pos[0]] === '\t' || text[error.pos[0] - 1] === '\t';
  if (error.code === 'TAB_AS_INDENT' || (tab && error.message.includes('ndent'))) {
    return 'a tab cannot indent YAML; use spaces';
  }
  if (error.code === 'MULTIPLE_DOCS') return 'a second document begins here (`---`); only one is expected';
  if (error.code === 'TAG_RESOLVE_FAILED') {
    return `the tag ${quoted(text.slice(...error.pos))} has no meaning here; leave it out`;
  }
  const line = text.slice(text.lastIndexOf('\n', error.pos[0] - 1) + 1, error.pos[0] + 3);
  if (/[[{].*\$\{\{?/.test(line)) {
    return 'inside of `[…]` and `{…}`, text with `${…}` must be in quotes';
  }
  return `not valid YAML: ${error.message.split('\n')[0]}`;
}

class Unreadable extends Error {
  readonly span: Span;
  constructor(span: Span, message: string) {
    super(message);
    this.span = span;
  }
}

function convertRoot(source: Source, root: ParsedNode, report: Report): Tree {
  const anchors = new Map<string, { tree: Tree | null; values: number }>();
  let values = 0;

  const spanOf = (node: { range?: readonly number[] | null }, otherwise: Span): Span => {
    const [start, end] = node.range ?? [];
    return start === undefined || end === undefined || start === end ? otherwise : { source, start, end };
  };

  function count(more: number, span: Span): void {
    values += more;
    // Aliases of aliases multiply: a few lines can stand for more values than memory holds.
    if (values > mostValues)
      throw new Unreadable(span, `there are more than ${mostValues} values up to here`);
  }

  /** `fallback`: the place of the key or list, for values that have no extent of their own. */
  function convert(node: ParsedNode | null, fallback: Span): Tree {
    const span = node ? spanOf(node, fallback) : fallback;
    count(1, span);
    if (node === null) return { kind: 'scalar', text: '', type: 'nothing', plain: true, span };
    if (isAlias(node)) {
      const anchor = anchors.get(node.source);
      if (!anchor) throw new Unreadable(span, `there is no anchor \`&${node.source}\` above`);
      if (!anchor.tree) throw new Unreadable(span, `\`*${node.source}\` stands inside of what it refers to`);
      count(anchor.values, span);
      return anchor.tree;
    }
    const name = node.anchor;
    const before = values;
    if (name) anchors.set(name, { tree: null, values: 0 });
    const tree = isMap(node)
      ? convertMap(node, span)
      : isSeq(node)
        ? convertList(node, span)
        : convertScalar(node as Scalar, span);
    if (name) anchors.set(name, { tree, values: values - before });
    return tree;
  }

  function convertList(node: YAMLSeq, span: Span): ListTree {
    const items = node.items.map((item) => convert(item as ParsedNode | null, span));
    return { kind: 'list', items, span };
  }

  function convertMap(node: YAMLMap, span: Span): MapTree {
    const entries = new Map<string, MapTree['entries'][number]>();
    for (const pair of node.items) {
      const keyNode = pair.key as ParsedNode | null;
      const keySpan = keyNode ? spanOf(keyNode, span) : span;
      if (!isScalar(keyNode)) {
        throw new Unreadable(keySpan, 'a key must be plain text');
      }
      const { text } = convertScalar(keyNode as Scalar, keySpan);
      const value = convert(pair.value as ParsedNode | null, keySpan);
      const first = entries.get(text);
      if (first) {
        report({
          span: keySpan,
          message: `${quoted(text)} is here twice`,
          notes: [{ span: first.key.span, message: 'the first one' }],
        });
      } else {
        entries.set(text, { key: { text, span: keySpan }, value });
      }
    }
    return { kind: 'map', entries: [...entries.values()], span };
  }

  return convert(root, { source, start: 0, end: 0 });
}

function convertScalar({ value, source, type }: Scalar, span: Span): ScalarTree {
  const kind =
    typeof value === 'string'
      ? 'text'
      : typeof value === 'boolean'
        ? 'boolean'
        : value === null || value === undefined
          ? 'nothing'
          : 'number';
  const text = typeof value === 'string' ? value : (source ?? '');
  return { kind: 'scalar', text, type: kind, plain: type === 'PLAIN', span };
}
