import { interpolate, type Scope } from './interpolation.ts';
import type { CachedFolder } from './job-spec.ts';
import { type CheckedPath, checkCachedFolder, checkFilePath, findOverlap, type Owned } from './paths.ts';
import { quoted, type Report } from './problems.ts';
import type { LocatedText } from './source.ts';
import type { Workflow } from './workflows.ts';

/** Folders, and files of all their keys together. */
const most = 50;

interface Cached {
  readonly written: LocatedText;
  readonly key: string[];
}

/** The folders that a runner keeps from job to job, with all variables put in; undefined: none. */
export function createSetupCache(
  { setupCache }: Workflow,
  artifacts: readonly string[],
  scope: Scope,
  report: Report,
): CachedFolder[] | undefined {
  const checked = (
    written: LocatedText,
    what: string,
    check: (text: string) => CheckedPath,
  ): string | null => {
    const text = interpolate(written, scope, report);
    if (text === null) return null;
    const found = check(text);
    if ('path' in found) return found.path;
    report({ span: written.span, message: `${quoted(text)} can't be ${what}: ${found.fault}` });
    return null;
  };
  const folders: { path: string; owner: Cached }[] = [];
  for (const { paths, key } of setupCache) {
    const files = [...new Set(key.flatMap((file) => checked(file, 'a file of a key', checkFilePath) ?? []))];
    for (const written of paths) {
      const path = checked(written, 'kept from job to job', checkCachedFolder);
      if (path !== null) folders.push({ path, owner: { written, key: files } });
    }
  }
  reportOverlap([...folders, ...artifacts.map((path) => ({ path, owner: null }))], report);
  if (folders.length + folders.reduce((sum, { owner }) => sum + owner.key.length, 0) > most) {
    report({ span: folders[0]!.owner.written.span, message: `\`cache\` has more than ${most} paths` });
  }
  if (folders.length === 0) return undefined;
  return folders.map(({ path, owner }) => ({ path, key: owner.key }));
}

function reportOverlap(all: readonly Owned<Cached | null>[], report: Report): void {
  const overlap = findOverlap(all);
  if (!overlap) return;
  const [cached, other] = overlap[0].owner ? overlap : [overlap[1], overlap[0]];
  if (!cached.owner) return;
  const path = quoted(cached.path);
  if (other.owner) {
    const notes = [{ span: cached.owner.written.span, message: 'the first one' }];
    const how = cached.path === other.path ? 'is here twice' : `lies in ${path}, which is kept, too`;
    report({ span: other.owner.written.span, message: `${quoted(other.path)} ${how}`, notes });
  } else {
    const how =
      cached.path === other.path ? 'is an artifact' : `overlaps with the artifact ${quoted(other.path)}`;
    report({
      span: cached.owner.written.span,
      message: `${path} ${how}: a result is not kept on one machine`,
    });
  }
}
