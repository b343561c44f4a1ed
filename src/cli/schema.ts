import { variablesSchema, workflowsSchema } from '../language/schema.ts';
import { printJson } from './terminal.ts';

/** Prints the JSON Schema of one of the files in `.dstack/`. */
export function schema(file: 'workflows' | 'variables'): void {
  printJson(file === 'workflows' ? workflowsSchema() : variablesSchema());
}
