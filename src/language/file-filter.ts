import picomatch from 'picomatch';
import type { JobSpec } from './job-spec.ts';

/** Does a path belong to the files that a workflow says it depends on? A folder stands for all that is in it. */
export function fileFilter(
  files: Pick<NonNullable<JobSpec['files']>, 'include' | 'exclude'>,
): (path: string) => boolean {
  const matcher = (globs: readonly string[]) =>
    picomatch(
      globs.flatMap((glob) => {
        const plain = glob.replace(/^\.\//, '').replace(/\/$/, '');
        return [plain, `${plain}/**`];
      }),
      { dot: true },
    );
  const included = files.include.length > 0 ? matcher(files.include) : () => true;
  const excluded = files.exclude.length > 0 ? matcher(files.exclude) : () => false;
  return (path) => included(path) && !excluded(path);
}
