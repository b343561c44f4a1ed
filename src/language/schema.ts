import { variablePattern } from './names.ts';
import { pythonKeys } from './providers.ts';
import { type JsonSchema, readValue } from './readers.ts';
import { keyRules } from './workflow-keys.ts';

const draft = 'http://json-schema.org/draft-07/schema#';

/** The spellings of one field, as `dstack` reads it: `env` and `environment`. */
function spellingsOf(field: string): string[] {
  return Object.entries(keyRules).flatMap(([name, rule]) => (rule.field === field ? [name] : []));
}

const has = (name: string): JsonSchema => ({ required: [name] });
const hasNot = (names: readonly string[]): JsonSchema => ({ not: { anyOf: names.map(has) } });

/** What goes with which provider, as `program.ts` says it in words. */
function programRules(): JsonSchema[] {
  const files = spellingsOf('file');
  const provider = (name: string) => ({ properties: { provider: { const: name } }, required: ['provider'] });
  return [
    {
      if: provider('python'),
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema.
      then: {
        anyOf: files.map(has),
        allOf: [hasNot(['commands']), { not: { required: ['version', 'image'] } }],
      },
      else: {
        required: ['commands'],
        ...hasNot(pythonKeys.flatMap(spellingsOf)),
      },
    },
    // Other providers have an image of their own.
    { not: { required: ['entrypoint'], ...hasNot(['image', 'provider']) } },
    {
      if: provider('docker'),
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema.
      then: has('image'),
    },
  ];
}

/** What is only for containers, as `create-access.ts` says it in words. */
function accessRules(): JsonSchema[] {
  const some = (name: string) => ({ properties: { [name]: { minItems: 1 } }, required: [name] });
  return [
    {
      if: { anyOf: [some('mounts'), some('capabilities'), has('network')] },
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema.
      then: { anyOf: [has('image'), has('provider')] },
    },
    { not: { properties: { network: { const: 'none' } }, required: ['network', 'ports'] } },
  ];
}

/** The schema of `workflows.yaml`, for editors: JSON Schema, draft 7, made of the very table that dstack reads by. */
export function workflowsSchema(): JsonSchema {
  const properties = Object.fromEntries(
    Object.entries(keyRules).map(([name, { read, about }]) => [name, { description: about, ...read.schema }]),
  );
  const fields = new Set(Object.values(keyRules).map(({ field }) => field));
  const alternatives = [...fields].map(spellingsOf).filter((names) => names.length > 1);
  const workflow = {
    type: 'object',
    properties,
    additionalProperties: false,
    required: ['name'],
    allOf: [...programRules(), ...accessRules(), ...alternatives.map((required) => ({ not: { required } }))],
  };
  return {
    $schema: draft,
    title: 'Workflows of dstack',
    type: 'object',
    properties: { workflows: { type: 'array', items: workflow, minItems: 1 } },
    additionalProperties: false,
    required: ['workflows'],
  };
}

/** The schema of `variables.yaml`. */
export function variablesSchema(): JsonSchema {
  const section = {
    type: ['object', 'null'],
    propertyNames: { pattern: variablePattern.source, maxLength: 100 },
    additionalProperties: readValue.schema,
  };
  const description = 'Variables of all workflows under `global`, others under the name of their workflow.';
  return {
    $schema: draft,
    title: 'Variables of dstack',
    type: ['object', 'null'],
    properties: { variables: { description, type: ['object', 'null'], additionalProperties: section } },
    additionalProperties: false,
  };
}
