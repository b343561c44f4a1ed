import type { Ledger } from '../ledger/ledger.ts';
import type { RunView } from '../ledger/state.ts';
import type { ArtifactLine } from '../tui/summary.ts';
import type { JobArtifacts } from './artifact-places.ts';
import { manifestsOf } from './finished-artifacts.ts';

/** Of more jobs than these the totals have to do: each list of files is read from the repository. */
const mostRead = 20;

/** What a run has kept, path by path as it was declared; null where there is too much of it, or it can't be read. */
export async function readArtifactLines(ledger: Ledger, run: RunView): Promise<ArtifactLine[] | null> {
  const having = run.jobs.filter((job) => (job.artifacts?.files ?? 0) > 0);
  if (having.length > mostRead) return null;
  return manifestsOf(ledger, having, null).then(
    (found) => found.flatMap(artifactLines),
    () => null,
  );
}

/** How many files lie at each path that a job declared, and their bytes together; nothing of those without any. */
export function artifactLines({ job, declared, manifest }: JobArtifacts): ArtifactLine[] {
  return declared.flatMap((path) => {
    const below = manifest.entries.filter(
      (entry) => entry.type !== 'folder' && (entry.path === path || entry.path.startsWith(`${path}/`)),
    );
    const bytes = below.reduce((sum, entry) => sum + (entry.type === 'file' ? entry.size : 0), 0);
    return below.length === 0 ? [] : [{ job, path, files: below.length, bytes }];
  });
}
