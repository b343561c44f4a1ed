import { defaultRequirements, type JobSpec } from '../../src/language/job-spec.ts';

/** A job that asks for nothing. */
export function jobSpec(name: string, more: Partial<JobSpec> = {}): JobSpec {
  return {
    name,
    workflow: name,
    image: null,
    commands: ['true'],
    env: {},
    secrets: [],
    workingDir: '.',
    artifacts: [],
    variables: {},
    dependsOn: [],
    files: null,
    ...defaultRequirements,
    ...more,
  };
}
