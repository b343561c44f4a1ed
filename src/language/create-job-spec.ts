import type { PlannedWorkflow } from './dependency-order.ts';
import { interpolate } from './interpolation.ts';
import { createEnvironment } from './job-environment.ts';
import { type Dependency, defaultRequirements, type JobSpec } from './job-spec.ts';
import { type CheckedPath, checkArtifactPath, checkGlob, checkWorkingDir, withoutNested } from './paths.ts';
import type { PlanRequest } from './plan-request.ts';
import { quoted, type Report } from './problems.ts';
import { programCommands, programImage } from './program-commands.ts';
import { createRequirements, portVariables } from './requirements.ts';
import { createSecrets } from './secrets.ts';
import type { LocatedText } from './source.ts';

/** Resolves a planned workflow into a job. After a report the result is of no use. */
export function createJobSpec(planned: PlannedWorkflow, request: PlanRequest, report: Report): JobSpec {
  const { workflow, scope } = planned;
  const path = (value: LocatedText, what: string, check: (text: string) => CheckedPath): string[] => {
    const text = interpolate(value, scope, report);
    if (text === null) return [];
    const checked = check(text);
    if ('path' in checked) return [checked.path];
    report({ span: value.span, message: `${quoted(text)} can't be ${what}: ${checked.fault}` });
    return [];
  };
  const globs = (values: readonly LocatedText[]) =>
    values.flatMap((value) => path(value, 'a pattern for files', checkGlob));
  const { workingDir, artifacts, dependsOn } = workflow;
  const requirements = createRequirements(workflow, scope, report);
  const ports = portVariables(workflow, requirements.ports);
  const env = createEnvironment(workflow, scope, ports, request.environment, report);
  return {
    name: workflow.name.text,
    workflow: workflow.name.text,
    image: programImage(workflow.program, scope, report),
    commands: programCommands(workflow.program, scope, report),
    env,
    secrets: createSecrets(workflow, scope.variables, env, report),
    workingDir: (workingDir && path(workingDir, 'a working directory', checkWorkingDir)[0]) ?? '.',
    artifacts: withoutNested(artifacts.flatMap((value) => path(value, 'an artifact', checkArtifactPath))),
    variables: Object.fromEntries(scope.variables),
    dependsOn: dependencies(planned, request, report),
    files: dependsOn.files && {
      include: dependsOn.files.include ? globs(dependsOn.files.include) : ['**'],
      exclude: globs(dependsOn.files.exclude),
      strict: dependsOn.files.strict,
    },
    ...defaultRequirements,
    ...requirements,
  };
}

function dependencies({ needs }: PlannedWorkflow, { resolveTag }: PlanRequest, report: Report): Dependency[] {
  return needs.flatMap(({ workflow, tag, span }): Dependency[] => {
    if (tag === null) return [{ run: null, job: workflow }];
    const found = resolveTag(tag, workflow);
    if (found) return [found];
    const missing = workflow === null ? '' : ` with a job of ${quoted(workflow)}`;
    report({ span, message: `there is no run tagged ${quoted(tag)}${missing}` });
    return [];
  });
}
