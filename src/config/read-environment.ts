import { parse } from 'yaml';
import type { z } from 'zod';
import { checkValue, type Found, type Layer } from './layer.ts';
import { allSettings, variableOf } from './settings.ts';

/**
 * The settings in environment variables: `DSTACK_RUNNER_LEASE=4s` for `runner.lease`. Lists and maps are written as
 * in YAML: `DSTACK_RUNNER_LABELS='{gpu: a100}'`. An empty variable means not set; others of ours (`DSTACK_ATTEMPT`,
 * which a job sees) are none of our business here.
 * @throws DstackError `bad-config` (usage)
 */
export function readEnvironment(env: NodeJS.ProcessEnv, cwd: string): Layer {
  const layer = new Map<string, Found>();
  for (const { path, schema } of allSettings()) {
    const variable = variableOf(path);
    const text = env[variable];
    if (text === undefined || text === '') continue;
    const value = interpret(text, schema);
    checkValue(schema, value, variable, path.join('.'));
    layer.set(path.join('.'), { value, source: variable, base: cwd });
  }
  return layer;
}

/** The text itself where the setting takes text, so that a runner may be named `1`; otherwise what it means in YAML. */
function interpret(text: string, schema: z.ZodType): unknown {
  if (schema.safeParse(text).success) return text;
  try {
    const value: unknown = parse(text);
    return schema.safeParse(value).success ? value : text;
  } catch {
    return text;
  }
}
