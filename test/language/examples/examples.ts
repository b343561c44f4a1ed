import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Source } from '../../../src/language/source.ts';

export interface Example {
  readonly name: string;
  readonly files: readonly Source[];
  readonly variables: Source | null;
}

const folder = dirname(fileURLToPath(import.meta.url));
const source = (path: string): Source => ({ path, text: readFileSync(join(folder, path), 'utf8') });

/** Projects in the format of dstack's first version: `NAME.workflows.yaml`, and maybe `NAME.variables.yaml`. */
export const examples: readonly Example[] = readdirSync(folder)
  .filter((file) => file.endsWith('.workflows.yaml'))
  .map((file) => {
    const name = file.replace('.workflows.yaml', '');
    const variables = `${name}.variables.yaml`;
    const there = readdirSync(folder).includes(variables);
    return { name, files: [source(file)], variables: there ? source(variables) : null };
  });
