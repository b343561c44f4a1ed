import { createHash } from 'node:crypto';
import type { Repository } from '../git/repository.ts';
import { git } from '../git/run-git.ts';
import { cacheKey } from '../language/cache-key.ts';
import { fileFilter } from '../language/file-filter.ts';
import type { JobSpec } from '../language/job-spec.ts';
import { plan } from '../language/plan.ts';
import type { PlanRequest } from '../language/plan-request.ts';
import type { Variables } from '../language/variables.ts';
import { placeholderRunName } from '../language/workflow-scope.ts';
import type { Workflows } from '../language/workflows.ts';

export interface PlannedJob {
  readonly spec: JobSpec;
  /** Null if it can't have one: an input's key isn't known. */
  readonly cacheKey: string | null;
}

/**
 * The jobs of a run in dependency order, each with the key of its inputs.
 * @param tree the snapshot
 * @param keyOf the cache key of a job of an earlier run
 * @throws DstackError whatever {@link plan} throws
 */
export async function planRun(
  repository: Pick<Repository, 'gitDir'>,
  tree: string,
  workflows: Workflows,
  variables: Variables,
  request: PlanRequest,
  keyOf: (run: string, job: string) => string | null,
): Promise<PlannedJob[]> {
  const specs = plan(workflows, variables, request);
  // The same plan under a name that no run has: what depends on the run's name must not enter a key.
  const nameless = plan(workflows, variables, { ...request, runName: placeholderRunName });
  const keys = new Map<string, string | null>();
  let listing: TreeListing | null = null;
  const jobs: PlannedJob[] = [];
  for (const [index, spec] of specs.entries()) {
    const inputs = spec.dependsOn.map(({ run, job }) =>
      run === null ? (keys.get(job) ?? null) : keyOf(run, job),
    );
    const dependencyKeys = inputs.filter((key) => key !== null);
    let key: string | null = null;
    if (dependencyKeys.length === inputs.length) {
      if (spec.files !== null) listing ??= await listTree(repository, tree);
      const filesTree = spec.files === null ? tree : hashFiles(listing as TreeListing, spec.files);
      key = cacheKey({ spec: nameless[index] as JobSpec, filesTree, dependencyKeys });
    }
    keys.set(spec.name, key);
    jobs.push({ spec, cacheKey: key });
  }
  return jobs;
}

type TreeListing = readonly { path: string; line: string }[];

async function listTree(repository: Pick<Repository, 'gitDir'>, tree: string): Promise<TreeListing> {
  const text = await git(['ls-tree', '-r', '-z', '--full-tree', tree], { gitDir: repository.gitDir });
  return text
    .split('\0')
    .filter(Boolean)
    .map((line) => ({ path: line.slice(line.indexOf('\t') + 1), line }));
}

/** A hash of the names, modes and contents of some of a tree's files. */
function hashFiles(listing: TreeListing, files: NonNullable<JobSpec['files']>): string {
  const matches = fileFilter(files);
  const hash = createHash('sha256');
  for (const { path, line } of listing) {
    if (matches(path)) hash.update(line).update('\0');
  }
  return hash.digest('hex');
}
