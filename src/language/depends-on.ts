import { quoted } from './problems.ts';
import {
  byKind,
  mapped,
  readBoolean,
  readKeys,
  readList,
  readText,
  readTexts,
  type Shape,
  shape,
} from './readers.ts';
import type { LocatedText, Span } from './source.ts';

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

const readReference: Shape<Reference> = shape(readText.schema, (tree, what, report) => {
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
});

const readReferences = readList(readReference);

const readFiles = mapped(
  readKeys({ include: readTexts, exclude: readTexts, strict: readBoolean }),
  ({ include = null, exclude, strict }) => ({ include, exclude: exclude ?? [], strict: strict ?? true }),
);

const onlyReferences = (references: readonly Reference[]): DependsOn => ({
  references,
  files: null,
  variables: null,
});

/** `[a, b:tag]`, or a map of `repo`, `workflows` and `variables`. */
export const readDependsOn: Shape<DependsOn> = byKind<DependsOn>(
  {
    list: mapped(readReferences, onlyReferences),
    map: mapped(
      readKeys({ repo: readFiles, workflows: readReferences, variables: readTexts }),
      ({ repo = null, workflows, variables = null }) => ({
        references: workflows ?? [],
        files: repo,
        variables,
      }),
    ),
  },
  'a list of workflows, or a map of repo, workflows and variables',
);

const readDepKeys = readKeys({ workflow: readText, tag: readText });

const readDep: Shape<Reference> = byKind<Reference>({
  scalar: readReference,
  map: shape({ ...readDepKeys.schema, minProperties: 1 }, (tree, what, report) => {
    const found = readDepKeys(tree, what, report);
    if (!found) return null;
    const { workflow, tag } = found;
    if (workflow === undefined && tag === undefined) {
      report({ span: tree.span, message: `${what} names neither a \`workflow\` nor a \`tag\`` });
    }
    return workflow || tag ? { workflow: workflow ?? null, tag: tag ?? null, span: tree.span } : null;
  }),
});

/** The older spelling: a list of `{workflow: …}` and `{tag: …}`. */
export const readDeps: Shape<DependsOn> = mapped(readList(readDep), onlyReferences);
