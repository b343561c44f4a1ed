import * as z from 'zod';

const variable = z.string().regex(/^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]*$/);
// A NUL ends a path or an argument early.
const line = z.string().regex(/^[^\0\r\n]+$/);
const argument = z.string().regex(/^[^\0]*$/);

/** A program of the user's own and its arguments, for no shell. */
export const commandLine = z.tuple([line], argument);

const limits = {
  workflows: z.array(line).optional(),
  repositories: z.array(line).optional(),
};

const secretSource = z.union([
  z.strictObject({ env: variable, ...limits }),
  z.strictObject({ file: line, ...limits }),
  z.strictObject({ command: commandLine, ...limits }),
]);

/** By the names under which jobs ask for them. */
export const secretSources = z.record(variable, secretSource);

/**
 * Where a secret's value is: a variable of the runner's environment, a file, or the output of a program (no shell).
 * `workflows` and `repositories`, where they are given, are those that may have it.
 */
export type SecretSource = z.infer<typeof secretSource>;
