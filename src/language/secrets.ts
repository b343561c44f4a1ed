import type { EnvEntry } from './env.ts';
import { environmentName, secretFault } from './names.ts';
import { quoted, type Report } from './problems.ts';
import type { LocatedText } from './source.ts';
import type { Workflow } from './workflows.ts';

const reference = /^\s*\$\{\{\s*secrets\.([A-Za-z_]\w*)\s*\}\}\s*$/;

/** The secret that an entry of `env` is nothing but another way to list: `TOKEN=${{ secrets.TOKEN }}`; otherwise null. */
export function secretOf({ value }: EnvEntry): string | null {
  return reference.exec(value?.text ?? '')?.[1] ?? null;
}

/**
 * The names of a job's secrets.
 * @param variables those that the job gets
 * @param env the rest of its environment
 */
export function createSecrets(
  workflow: Workflow,
  variables: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string>>,
  report: Report,
): string[] {
  const inEnv = workflow.env.flatMap((entry): LocatedText[] => {
    const secret = secretOf(entry);
    if (secret === null || secret === entry.name.text) return secret === null ? [] : [entry.name];
    const message = `a job has a secret under its own name; list ${quoted(secret)} under \`secrets\`, and let a command rename it`;
    report({ span: entry.name.span, message });
    return [];
  });
  const names = new Map([...inEnv, ...workflow.secrets].map((name) => [name.text, name]));
  for (const [name, { span }] of names) {
    const fault = secretFault(name);
    if (fault !== null) report({ span, message: `${quoted(name)} can't name a secret: ${fault}` });
    if (!Object.hasOwn(env, name)) continue;
    const entry = workflow.env.find((one) => one.name.text === name);
    const variable = [...variables.keys()].find((one) => environmentName(one) === name);
    const other = entry ? '`env`' : variable === undefined ? 'dstack' : `the variable ${quoted(variable)}`;
    report({
      span,
      message: `the secret ${quoted(name)} is set by ${other}, too; the job can have one of them`,
      ...(entry && { notes: [{ span: entry.name.span, message: 'the other one' }] }),
    });
  }
  return [...names.keys()];
}
