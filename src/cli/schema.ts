import { usageError } from '../errors.ts';
import { variablesSchema, workflowsSchema } from '../language/schema.ts';
import { printJson } from './terminal.ts';

const schemas = { workflows: workflowsSchema, variables: variablesSchema };

/** Prints the JSON Schema of one of the files in `.dstack/`. */
export function schema(file: string): void {
  const found = Object.hasOwn(schemas, file) ? schemas[file as keyof typeof schemas] : undefined;
  if (!found) {
    throw usageError(
      'unknown-file',
      `there is no schema of ${JSON.stringify(file)}`,
      'workflows or variables',
    );
  }
  printJson(found());
}
