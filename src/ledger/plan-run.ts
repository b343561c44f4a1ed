import { createHash } from 'node:crypto';
import { decodePath } from '../git/raw-path.ts';
import type { Repository } from '../git/repository.ts';
import { listTree, type TreeFile } from '../git/trees.ts';
import { cacheKey } from '../language/cache-key.ts';
import { fileFilter } from '../language/file-filter.ts';
import type { Dependency, JobSpec } from '../language/job-spec.ts';
import { plan, type TracedPlan, tracedPlan } from '../language/plan.ts';
import type { PlanRequest } from '../language/plan-request.ts';
import type { Variables } from '../language/variables.ts';
import { placeholderRunName } from '../language/workflow-scope.ts';
import type { Workflows } from '../language/workflows.ts';

export interface PlannedJob {
  readonly spec: JobSpec;
  /** Null if it can't have one: a job of an earlier run that it depends on has no result. */
  readonly cacheKey: string | null;
}

/**
 * The jobs of a run in dependency order, each with the key of its inputs.
 * @param tree the snapshot
 * @param keyOf what stands in a key for a job of an earlier run; null if that has no result
 * @param early the plan of the same request under `placeholderRunName`, made before it was known what tags stand for
 * @throws DstackError whatever {@link plan} throws
 */
export async function planRun(
  repository: Pick<Repository, 'gitDir'>,
  tree: string,
  workflows: Workflows,
  variables: Variables,
  request: PlanRequest,
  keyOf: (run: string, job: string) => Promise<string | null>,
  early?: TracedPlan,
): Promise<PlannedJob[]> {
  // Planned under a name that no run has: what depends on the run's name must not enter a key.
  const { specs: nameless, used } =
    early && !early.used.tags
      ? early
      : tracedPlan(workflows, variables, { ...request, runName: placeholderRunName });
  const specs = used.runName ? plan(workflows, variables, request) : nameless;
  const filesOf = hashedFiles(repository, tree);
  const keys = new Map<string, string | null>();
  const inputKey = async ({ run, job, ownFolder }: Dependency): Promise<string | null> => {
    const key = run === null ? (keys.get(job) ?? null) : await keyOf(run, job);
    // The folder is called after the job, which is no part of its own key.
    return key !== null && ownFolder ? `${key} in ${job}` : key;
  };
  const jobs: PlannedJob[] = [];
  for (const [index, spec] of specs.entries()) {
    const dependencyKeys: string[] = [];
    for (const dependency of spec.dependsOn) {
      const key = await inputKey(dependency);
      if (key !== null) dependencyKeys.push(key);
    }
    const key =
      dependencyKeys.length === spec.dependsOn.length
        ? cacheKey({
            spec: nameless[index] as JobSpec,
            filesTree: await filesOf(spec.files),
            dependencyKeys,
          })
        : null;
    keys.set(spec.name, key);
    jobs.push({ spec, cacheKey: key });
  }
  return jobs;
}

/**
 * What of a tree a job depends on, as one id: the tree's own, or a hash over names, modes and object ids of a part
 * of it. No file is read, and each choice of files is looked at once.
 */
function hashedFiles(
  repository: Pick<Repository, 'gitDir'>,
  tree: string,
): (files: JobSpec['files']) => Promise<string> {
  let listing: Promise<readonly TreeFile[]> | null = null;
  const known = new Map<string, string>();
  return async (files) => {
    if (files === null) return tree;
    const key = JSON.stringify([files.include, files.exclude]);
    const before = known.get(key);
    if (before !== undefined) return before;
    listing ??= listTree(repository, tree);
    const matches = fileFilter(files);
    const hash = createHash('sha256');
    for (const { path, entry } of await listing) {
      if (matches(decodePath(path))) hash.update(`${entry}\t${path}\0`, 'latin1');
    }
    const result = hash.digest('hex');
    known.set(key, result);
    return result;
  };
}
