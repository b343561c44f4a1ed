import { createAccess } from './create-access.ts';
import { createSetupCache } from './create-setup-cache.ts';
import { interpolate } from './interpolation.ts';
import { createEnvironment } from './job-environment.ts';
import { type Dependency, type JobSpec, leastCheckpoint } from './job-spec.ts';
import type { CellValues } from './matrix-cells.ts';
import {
  type CheckedPath,
  checkArtifactPath,
  checkFilePath,
  checkGlob,
  checkWorkingDir,
  withoutNested,
} from './paths.ts';
import type { PlanRequest } from './plan-request.ts';
import type { PlannedJob } from './planned-jobs.ts';
import { quoted, type Report } from './problems.ts';
import { programCommands, programEntrypoint, programImage } from './program-commands.ts';
import { duration } from './quantities.ts';
import { createRequirements, portVariables } from './requirements.ts';
import { createSecrets } from './secrets.ts';
import type { LocatedText } from './source.ts';
import type { Workflow } from './workflows.ts';

/** Resolves a planned job; after a report the result is of no use. */
export function createJobSpec(
  workflow: Workflow,
  { name, values, scope }: PlannedJob,
  dependsOn: Dependency[],
  environment: PlanRequest['environment'],
  report: Report,
): JobSpec {
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
  const { workingDir, checkpoint, metrics } = workflow;
  const artifacts = withoutNested(
    workflow.artifacts.flatMap((value) => path(value, 'an artifact', checkArtifactPath)),
  );
  const { files } = workflow.dependsOn;
  const requirements = createRequirements(workflow, scope, report);
  const ports = portVariables(workflow, requirements.ports);
  const env = createEnvironment(workflow, scope, ports, environment, report);
  const image = programImage(workflow.program, scope, report);
  const access = createAccess(workflow, image, scope, report);
  const setupCache = createSetupCache(workflow, artifacts, scope, report);
  return {
    name,
    workflow: workflow.name.text,
    image,
    ...programEntrypoint(workflow.entrypoint, scope, report),
    commands: programCommands(workflow.program, scope, report),
    env,
    secrets: createSecrets(workflow, scope.variables, env, report),
    workingDir: (workingDir && path(workingDir, 'a working directory', checkWorkingDir)[0]) ?? '.',
    artifacts,
    variables: Object.fromEntries([...scope.variables, ...ofMatrix(values)]),
    dependsOn,
    files: files && {
      include: files.include ? globs(files.include) : ['**'],
      exclude: globs(files.exclude),
      strict: files.strict,
    },
    ...requirements,
    ...(checkpoint && createCheckpoint(checkpoint, workflow, scope, report)),
    metrics: (metrics && path(metrics, 'a file of metrics', checkFilePath)[0]) ?? null,
    ...(access && { access }),
    ...(setupCache && { setupCache }),
  };
}

function createCheckpoint(
  written: LocatedText,
  { name, artifacts }: Workflow,
  scope: PlannedJob['scope'],
  report: Report,
): Pick<JobSpec, 'checkpoint'> {
  const { span } = written;
  if (artifacts.length === 0) {
    report({ span, message: `${quoted(name.text)} has no \`artifacts\`, so there is nothing to save` });
  }
  const text = interpolate(written, scope, report);
  if (text === null) return {};
  const found = duration.parse(text);
  if ('value' in found && found.value >= leastCheckpoint) return { checkpoint: found.value };
  const expected = 'value' in found ? `at least ${leastCheckpoint}s is expected` : found.expected;
  report({ span, message: `${quoted(text)} can't be a time between checkpoints; ${expected}` });
  return {};
}

const ofMatrix = (values: CellValues | null): [name: string, value: string][] =>
  [...(values ?? [])].map(([name, value]) => [`matrix.${name}`, value]);
