import { DstackError } from '../errors.ts';
import { createJobSpec } from './create-job-spec.ts';
import type { PlannedWorkflow } from './dependency-order.ts';
import type { Dependency, JobSpec } from './job-spec.ts';
import { reportOverlaps } from './overlaps.ts';
import { findOverlap } from './paths.ts';
import type { PlanRequest } from './plan-request.ts';
import type { Need } from './planned-jobs.ts';
import { quoted, type Report } from './problems.ts';

/** Dependencies of all jobs together: two large matrices one upon the other multiply. */
const mostDependencies = 500_000;

/**
 * The second half of a plan: resolves all jobs, and checks that the artifacts that come together in one don't collide.
 * @throws DstackError `plan-too-large`
 */
export function createJobSpecs(
  planned: readonly PlannedWorkflow[],
  { environment, resolveTag }: Pick<PlanRequest, 'environment' | 'resolveTag'>,
  report: Report,
): JobSpec[] {
  const ofWorkflow = new Map<string, Dependency[]>();
  const tagged = ({ workflow, tag, span }: Need & { tag: string }): Dependency[] => {
    const found = resolveTag(tag, workflow);
    if (found.length === 0) {
      const missing = workflow === null ? '' : ` with a job of ${quoted(workflow)}`;
      report({ span, message: `there is no run tagged ${quoted(tag)}${missing}` });
    }
    // What the cells of an earlier run have left is not known here: it may collide.
    return found.map(({ run, job }) => ({ run, job, ...(found.length > 1 && { ownFolder: true as const }) }));
  };
  const dependenciesOf = (needs: readonly Need[]): Dependency[] =>
    needs.flatMap((need) => (need.tag === null ? (ofWorkflow.get(need.workflow) ?? []) : tagged(need)));

  let dependencies = 0;
  const resolved = planned.map(({ workflow, jobs }) => {
    const known = new Map<readonly Need[], Dependency[]>();
    const specs = jobs.map((job) => {
      const dependsOn = known.get(job.needs) ?? dependenciesOf(job.needs);
      known.set(job.needs, dependsOn);
      dependencies += dependsOn.length;
      if (dependencies > mostDependencies) throw tooManyDependencies();
      return createJobSpec(workflow, job, dependsOn, environment, report);
    });
    const paths = specs.flatMap((owner) => owner.artifacts.map((path) => ({ path, owner })));
    const ownFolder = findOverlap(paths) !== null;
    ofWorkflow.set(
      workflow.name.text,
      specs.map(({ name }) => ({ run: null, job: name, ...(ownFolder && { ownFolder: true as const }) })),
    );
    return { workflow, jobs, specs, ownFolder };
  });
  reportOverlaps(resolved, report);
  return resolved.flatMap(({ specs }) => specs);
}

function tooManyDependencies(): DstackError {
  return new DstackError(
    'plan-too-large',
    `the jobs of this plan depend on one another in more than ${mostDependencies} ways`,
    { hint: 'have smaller matrices, or put a workflow between them that gathers the results of one' },
  );
}
