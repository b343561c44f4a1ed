import { DstackError } from '../errors.ts';
import type { JobSpec } from './job-spec.ts';
import { findOverlap, type Owned, overlappingOwners } from './paths.ts';
import type { PlannedJob } from './planned-jobs.ts';
import { quoted, type Report } from './problems.ts';
import type { Workflow } from './workflows.ts';

/** The jobs of one workflow of the plan. */
export interface ResolvedWorkflow {
  readonly workflow: Workflow;
  readonly jobs: readonly PlannedJob[];
  readonly specs: readonly JobSpec[];
  /** Those who depend on them get their artifacts in folders of their own. */
  readonly ownFolder: boolean;
}

/** Jobs gone through for those that may collide; beyond it the plan was made to be a burden. */
const mostSteps = 20_000_000;

/**
 * Reports jobs that get artifacts of two dependencies, direct or not, at overlapping paths: which of them won
 * would depend on the order of copying. `resolved` in dependency order.
 * @throws DstackError `plan-too-large`
 */
export function reportOverlaps(resolved: readonly ResolvedWorkflow[], report: Report): void {
  const placed = resolved.flatMap(({ specs, ownFolder }) =>
    specs.flatMap((owner) =>
      owner.artifacts.map((path) => ({ path: ownFolder ? `${path}/${owner.name}` : path, owner })),
    ),
  );
  // Nearly always nobody, and then it doesn't matter who depends on whom.
  const suspects = overlappingOwners(placed);
  if (suspects.size === 0) return;
  const pathsOf = new Map([...suspects].map((owner) => [owner, [] as Placed[]]));
  for (const one of placed) pathsOf.get(one.owner)?.push(one);
  reportMeetings(resolved, pathsOf, report);
}

type Placed = Owned<JobSpec>;

/** Reports where two of the suspects come together. */
function reportMeetings(
  resolved: readonly ResolvedWorkflow[],
  pathsOf: ReadonlyMap<JobSpec, readonly Placed[]>,
  report: Report,
): void {
  const byName = new Map(resolved.flatMap(({ specs }) => specs.map((spec) => [spec.name, spec])));
  /** Suspects that a job depends on, directly or not. Jobs with the same dependencies share one set. */
  const above = new Map<JobSpec['dependsOn'], ReadonlySet<JobSpec>>();
  const reported = new Set<string>();
  let steps = 0;
  const gather = ({ dependsOn }: JobSpec): ReadonlySet<JobSpec> => {
    const found = new Set<JobSpec>();
    for (const { run, job } of dependsOn) {
      const dependency = run === null ? byName.get(job) : undefined;
      if (!dependency) continue;
      if (pathsOf.has(dependency)) found.add(dependency);
      const further = above.get(dependency.dependsOn) ?? new Set();
      for (const one of further) found.add(one);
      steps += 1 + further.size;
      if (steps > mostSteps) throw tooManyCollisions();
    }
    return found;
  };
  for (const { workflow, jobs, specs } of resolved) {
    for (const [i, spec] of specs.entries()) {
      if (above.has(spec.dependsOn)) continue;
      const found = gather(spec);
      above.set(spec.dependsOn, found);
      const paths = [...found].flatMap((owner) => pathsOf.get(owner) ?? []);
      steps += paths.length;
      const overlap = findOverlap(paths);
      if (!overlap) continue;
      const [a, b] = overlap;
      const pair = `${a.owner.name} ${b.owner.name}`;
      // What depends on such a job has the same overlap.
      if (reported.has(pair)) continue;
      reported.add(pair);
      const same = a.path === b.path;
      const how = same ? `both have ${quoted(a.path)}` : `${quoted(a.path)} contains ${quoted(b.path)}`;
      report({
        span: jobs[i]!.needs[0]?.span ?? workflow.name.span,
        message: `${quoted(spec.name)} gets overlapping artifacts of ${quoted(a.owner.name)} and ${quoted(b.owner.name)}: ${how}`,
      });
    }
  }
}

function tooManyCollisions(): DstackError {
  return new DstackError('plan-too-large', 'too many jobs of this plan have artifacts of the same paths', {
    hint: 'give each workflow a folder of its own for its artifacts',
  });
}
