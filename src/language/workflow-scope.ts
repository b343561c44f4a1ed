import type { Spend } from './budget.ts';
import { interpolate, type Scope } from './interpolation.ts';
import { builtIns, optionKey } from './names.ts';
import { quoted, type Report } from './problems.ts';
import { shellQuote } from './shell-quote.ts';
import type { Declaration, Variables } from './variables.ts';
import { declarationsFor } from './variables.ts';
import type { Workflow } from './workflows.ts';

/**
 * Stands for a run's name where none is drawn yet, and so in a cache key. It can't be a legal name, and nobody
 * writes it into a workflow by accident; `job_id` then is {@link placeholderJobId}.
 */
export const placeholderRunName = '‹run_name›';
export const placeholderJobId = '‹job_id›';

/** The deepest chain of variables that refer to variables. */
const deepest = 50;

export interface WorkflowScope extends Scope {
  /** Final values of the variables that the job gets, in the order of their declaration. */
  readonly variables: ReadonlyMap<string, string>;
  /** These, and what they refer to: all that a value from the command line can have an effect on. */
  readonly relevant: ReadonlyMap<string, Declaration>;
}

export interface ScopeRequest {
  /** By {@link optionKey}; taken as they are, nothing in them is replaced. */
  readonly overrides: ReadonlyMap<string, string>;
  readonly runName: string;
  /** Shared between the scopes of a plan. */
  readonly spend: Spend;
}

/** The scope of one workflow. What is wrong with its variables is reported at once. */
export function createScope(
  workflow: Workflow,
  declared: Variables,
  { overrides, runName, spend }: ScopeRequest,
  report: Report,
): WorkflowScope {
  const declarations = declarationsFor(declared, workflow.name.text, report);
  const jobId = runName === placeholderRunName ? placeholderJobId : `${runName}/${workflow.name.text}`;
  const resolved = new Map<string, string | null>();
  const underWay: string[] = [];

  function resolve(name: string): string | null | undefined {
    const declaration = declarations.get(name);
    if (!declaration) return undefined;
    const known = resolved.get(name);
    if (known !== undefined) return known;
    const span = declaration.value.span;
    if (underWay.includes(name)) {
      const circle = [...underWay.slice(underWay.indexOf(name)), name].map(quoted).join(' → ');
      report({ span, message: `the value of a variable depends on itself: ${circle}` });
      return null;
    }
    if (underWay.length >= deepest) {
      report({ span, message: `more than ${deepest} variables refer to one another in a chain` });
      return null;
    }
    underWay.push(name);
    const value =
      overrides.get(optionKey(name)) ?? interpolate(declaration.value, withinVariable(declaration), report);
    underWay.pop();
    resolved.set(name, value);
    return value;
  }

  const builtIn = (name: string) => (name === 'run_name' ? runName : name === 'job_id' ? jobId : undefined);
  const allNames = lazily(() => ['run_name', 'job_id', ...declarations.keys()]);
  const withinVariable = ({ name: { text } }: Declaration): Scope => ({
    get: (name) => builtIn(name) ?? resolve(name),
    hidden: (name) =>
      name === 'variables_as_args' ? `contains ${quoted(text)}, and can't be a part of it` : null,
    names: allNames,
    spend,
  });

  const listed = workflow.dependsOn.variables;
  for (const { text, span } of listed ?? []) {
    if (declarations.has(text)) continue;
    const message = `there is no variable ${quoted(text)} for ${quoted(workflow.name.text)} in variables.yaml`;
    report({ span, message, unknown: { word: text, known: declarations.keys() } });
  }
  const wanted = listed && new Set(listed.map((name) => name.text));
  const variables = new Map<string, string>();
  for (const name of declarations.keys()) {
    if (wanted && !wanted.has(name)) continue;
    // A wrong one is there all the same, so that it isn't called unknown as well.
    variables.set(name, resolve(name) ?? '');
  }
  const asArguments = [...variables].map(([name, value]) => `--${name} ${shellQuote(value)}`).join(' ');
  const relevant = new Map([...declarations].filter(([name]) => resolved.has(name) || variables.has(name)));

  return {
    variables,
    relevant,
    get: (name) => {
      if (name === 'variables_as_args') return asArguments;
      return builtIn(name) ?? (variables.has(name) ? resolve(name) : undefined);
    },
    hidden: (name) =>
      declarations.has(name) && !variables.has(name)
        ? 'is not among the variables that this workflow depends on; add it to `variables` of `depends-on`'
        : null,
    names: lazily(() => [...builtIns, ...variables.keys()]),
    spend,
  };
}

/** Names are only needed for the few errors that are shown, and there may be many of both. */
const lazily = (list: () => string[]): Iterable<string> => ({ [Symbol.iterator]: () => list().values() });
