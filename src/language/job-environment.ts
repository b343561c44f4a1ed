import type { EnvEntry } from './env.ts';
import { interpolate } from './interpolation.ts';
import { environmentName, looksSecret } from './names.ts';
import { quoted, type Report } from './problems.ts';
import { secretOf } from './secrets.ts';
import type { LocatedText } from './source.ts';
import type { WorkflowScope } from './workflow-scope.ts';
import type { Workflow } from './workflows.ts';

/** A job's environment as it is recorded: where its ports are and its variables in upper case, overridden by its `env`. */
export function createEnvironment(
  workflow: Workflow,
  scope: WorkflowScope,
  ports: readonly [name: string, value: string][],
  submitter: Readonly<Record<string, string | undefined>>,
  report: Report,
): Record<string, string> {
  const variables = [...scope.variables].map(([name, value]) => [environmentName(name), value] as const);
  const env = new Map([...ports, ...variables]);
  for (const entry of workflow.env.filter((one) => secretOf(one) === null)) {
    const value = entry.value
      ? interpolate(entry.value, scope, report)
      : passThrough(entry, submitter, report);
    if (value !== null) env.set(entry.name.text, value);
  }
  return Object.fromEntries(env);
}

function passThrough(
  { name }: EnvEntry,
  submitter: Readonly<Record<string, string | undefined>>,
  report: Report,
): string | null {
  const fault = passThroughFault(name, submitter);
  if (fault === null) return submitter[name.text]!;
  report({ span: name.span, message: `${quoted(name.text)} ${fault}` });
  return null;
}

function passThroughFault(
  { text }: LocatedText,
  submitter: Readonly<Record<string, string | undefined>>,
): string | null {
  if (looksSecret(text)) {
    return 'looks like a secret, and `env` would make it readable in the repository; list it under `secrets`';
  }
  if (Object.hasOwn(submitter, text) && submitter[text] !== undefined) return null;
  return `is to be passed on from your environment, but is not set there; export it, or write \`${text}=value\``;
}
