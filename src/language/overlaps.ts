import type { PlannedWorkflow } from './dependency-order.ts';
import type { JobSpec } from './job-spec.ts';
import { findOverlap } from './paths.ts';
import { quoted, type Report } from './problems.ts';

/**
 * Reports jobs that get artifacts of two dependencies, direct or not, at overlapping paths: which of them won
 * would depend on the order of copying. `specs` belong to `planned`, both in dependency order.
 */
export function reportOverlaps(
  planned: readonly PlannedWorkflow[],
  specs: readonly JobSpec[],
  report: Report,
): void {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const above = new Map<string, Set<JobSpec>>();
  const reported = new Set<string>();
  specs.forEach((spec, i) => {
    const dependencies = new Set<JobSpec>();
    for (const { run, job } of spec.dependsOn) {
      const dependency = run === null ? byName.get(job) : undefined;
      if (!dependency) continue;
      dependencies.add(dependency);
      for (const further of above.get(job) ?? []) dependencies.add(further);
    }
    above.set(spec.name, dependencies);
    const overlap = findOverlap(
      [...dependencies].flatMap((owner) => owner.artifacts.map((path) => ({ path, owner }))),
    );
    if (!overlap) return;
    const [a, b] = overlap;
    const pair = `${a.owner.name} ${b.owner.name}`;
    // What depends on such a job has the same overlap.
    if (reported.has(pair)) return;
    reported.add(pair);
    const { workflow, needs } = planned[i]!;
    const paths =
      a.path === b.path ? `both have ${quoted(a.path)}` : `${quoted(a.path)} contains ${quoted(b.path)}`;
    report({
      span: needs[0]?.span ?? workflow.name.span,
      message: `${quoted(spec.name)} gets overlapping artifacts of ${quoted(a.owner.name)} and ${quoted(b.owner.name)}: ${paths}`,
    });
  });
}
