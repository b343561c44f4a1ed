import { byKind, mapped, readKeys, readList, readText, readTexts, type Shape, shape } from './readers.ts';
import type { LocatedText } from './source.ts';

/** One item of `cache` as written: folders that are kept together, as long as the files of `key` stay the same. */
export interface CachedPaths {
  readonly paths: readonly LocatedText[];
  /** Files. */
  readonly key: readonly LocatedText[];
}

const readOneOrMore = byKind<LocatedText[]>({
  list: shape({ ...readTexts.schema, minItems: 1 }, (tree, what, report) => {
    if (tree.kind === 'list' && tree.items.length === 0)
      report({ span: tree.span, message: `${what} is empty` });
    return readTexts(tree, what, report);
  }),
  scalar: mapped(readText, (text) => [text]),
});

const readPath: Shape<CachedPaths> = mapped(readText, (path) => ({ paths: [path], key: [] }));

const readPathKeys = readKeys({ paths: readOneOrMore, key: readOneOrMore });
const readPaths: Shape<CachedPaths> = shape(
  { ...readPathKeys.schema, required: ['paths'] },
  (tree, what, report) => {
    const found = readPathKeys(tree, what, report);
    if (!found) return null;
    if (found.paths === undefined) report({ span: tree.span, message: `${what} has no \`paths\`` });
    return { paths: found.paths ?? [], key: found.key ?? [] };
  },
);

/** A list of paths, of maps of `paths` and `key`, or of both; or one such map. */
export const readSetupCache: Shape<CachedPaths[]> = byKind<CachedPaths[]>(
  {
    list: readList(byKind<CachedPaths>({ map: readPaths, scalar: readPath })),
    map: mapped(readPaths, (item) => [item]),
  },
  'a list of folders that runners keep from job to job, or a map of `paths` and `key`',
);
