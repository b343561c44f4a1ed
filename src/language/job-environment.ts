import { interpolate } from './interpolation.ts';
import { environmentName, looksSecret } from './names.ts';
import { quoted, type Report } from './problems.ts';
import type { LocatedText } from './source.ts';
import type { EnvEntry } from './workflow-keys.ts';
import type { WorkflowScope } from './workflow-scope.ts';
import type { Workflow } from './workflows.ts';

const wholeSecret = /^\s*\$\{\{\s*secrets\.(?<name>\w+)\s*\}\}\s*$/;

/**
 * A job's environment as it is recorded: its variables in upper case, overridden by its `env`; and apart from
 * it the names of its secrets, whose values are never known here.
 */
export function createEnvironment(
  workflow: Workflow,
  scope: WorkflowScope,
  submitter: Readonly<Record<string, string | undefined>>,
  report: Report,
): { env: Record<string, string>; secrets: string[] } {
  const env = new Map([...scope.variables].map(([name, value]) => [environmentName(name), value]));
  const secrets = new Set(workflow.secrets.map((name) => name.text));
  for (const entry of workflow.env) {
    const name = entry.name.text;
    const secret = entry.value && wholeSecret.exec(entry.value.text)?.groups?.name;
    if (secret === name) {
      secrets.add(name);
    } else if (secret) {
      const message = `a secret reaches the job under its own name: list ${quoted(secret)} under \`secrets\``;
      report({ span: entry.value!.span, message });
    } else {
      const value = entry.value
        ? interpolate(entry.value, scope, report)
        : passThrough(entry, submitter, report);
      if (value !== null) env.set(name, value);
    }
  }
  for (const name of secrets) env.delete(name);
  return { env: Object.fromEntries(env), secrets: [...secrets] };
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
