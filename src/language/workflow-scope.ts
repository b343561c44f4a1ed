import type { Spend } from './budget.ts';
import { interpolate, type Scope } from './interpolation.ts';
import type { CellValues } from './matrix-cells.ts';
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
const placeholderJobId = '‹job_id›';

/** The deepest chain of variables that refer to variables. */
const deepest = 50;

export interface WorkflowScope extends Scope {
  /** Final values of the variables that the job gets, in the order of their declaration. */
  readonly variables: ReadonlyMap<string, string>;
  /** These, and what they refer to: all that a value from the command line can have an effect on. */
  relevant(): ReadonlyMap<string, Declaration>;
}

export interface ScopeRequest {
  /** By {@link optionKey}; taken as they are, nothing in them is replaced. */
  readonly overrides: ReadonlyMap<string, string>;
  readonly runName: string;
  /** Called whenever a value has it in it. */
  readonly onRunName?: () => void;
  /** Shared between the scopes of a plan. */
  readonly spend: Spend;
}

/** The job that a scope belongs to. */
export interface ScopeOwner {
  readonly name: string;
  /** Null without a matrix. */
  readonly values: CellValues | null;
}

const matrixPrefix = 'matrix.';

/** The scopes of one workflow. What is wrong with its variables is reported at once. */
export function createScopes(
  workflow: Workflow,
  declared: Variables,
  request: ScopeRequest,
  report: Report,
): { ofMatrix(): Scope; ofJob(owner: ScopeOwner): WorkflowScope } {
  const declarations = declarationsFor(declared, workflow.name.text, report);
  const listed = workflow.dependsOn.variables;
  for (const { text, span } of listed ?? []) {
    if (declarations.has(text)) continue;
    const message = `there is no variable ${quoted(text)} for ${quoted(workflow.name.text)} in variables.yaml`;
    report({ span, message, unknown: { word: text, known: declarations.keys() } });
  }
  const wanted = listed && new Set(listed.map((name) => name.text));
  const own = [...declarations.keys()].filter((name) => !wanted || wanted.has(name));
  const { overrides } = request;
  const overridden = new Map(
    [...declarations.keys()].flatMap((name) => {
      const value = overrides.get(optionKey(name));
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const matrix = workflow.matrix?.value;
  const axes = new Set([
    ...(matrix?.axes ?? []).map(({ name }) => name.text),
    ...(matrix?.include ?? []).flatMap(({ values }) => values.map(({ name }) => name.text)),
  ]);
  const shared = { workflow, declarations, overridden, own: new Set(own), axes, request, report };
  return {
    ofMatrix: () => createScope(shared, null).scope,
    ofJob: (owner) => {
      const { scope, resolve, resolved } = createScope(shared, owner);
      const variables = new Map<string, string>();
      // A wrong one is there all the same, so that it isn't called unknown as well.
      for (const name of own) variables.set(name, resolve(name) ?? '');
      // Made when they are asked for: there may be ten thousand such scopes.
      let asArguments: string | undefined;
      return {
        ...scope,
        variables,
        relevant: () =>
          new Map([...declarations].filter(([name]) => resolved.has(name) || variables.has(name))),
        get: (name) => {
          if (name !== 'variables_as_args') return scope.get(name);
          asArguments ??= [...variables].map(([name, value]) => `--${name} ${shellQuote(value)}`).join(' ');
          return asArguments;
        },
      };
    },
  };
}

interface Shared {
  readonly workflow: Workflow;
  readonly declarations: ReadonlyMap<string, Declaration>;
  /** What the command line has given them, by their declared names. */
  readonly overridden: ReadonlyMap<string, string>;
  /** The variables that the workflow gets. */
  readonly own: ReadonlySet<string>;
  /** Every name that `matrix.` can stand before. */
  readonly axes: ReadonlySet<string>;
  readonly request: ScopeRequest;
  readonly report: Report;
}

function createScope(
  { workflow, declarations, overridden, own, axes, request, report }: Shared,
  owner: ScopeOwner | null,
): { scope: Scope; resolve: Scope['get']; resolved: ReadonlyMap<string, string | null> } {
  const { runName, onRunName, spend } = request;
  const resolved = new Map<string, string | null>();
  const underWay: string[] = [];

  function resolve(name: string): string | null | undefined {
    const declaration = declarations.get(name);
    if (!declaration) return undefined;
    const known = resolved.get(name);
    if (known !== undefined) return known;
    const { value: written } = declaration;
    if (!written) return null;
    const { span } = written;
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
    const value = overridden.get(name) ?? interpolate(written, withinVariable(declaration), report);
    underWay.pop();
    resolved.set(name, value);
    return value;
  }

  const builtIn = (name: string): string | undefined => {
    if (name === 'run_name' || name === 'job_id') {
      onRunName?.();
      if (name === 'run_name') return runName;
      return runName === placeholderRunName ? placeholderJobId : `${runName}/${owner?.name}`;
    }
    if (!name.startsWith(matrixPrefix)) return undefined;
    const axis = name.slice(matrixPrefix.length);
    // As in GitHub Actions, a name that only other cells have is empty.
    return axes.has(axis) ? (owner?.values?.get(axis) ?? '') : undefined;
  };
  const builtInHidden = (name: string): string | null => {
    const ofMatrix = name.startsWith(matrixPrefix);
    if (owner === null && (ofMatrix || name === 'job_id' || name === 'variables_as_args')) {
      return "can't be a part of the matrix: there are no jobs before its values are known";
    }
    if (ofMatrix && !workflow.matrix)
      return `is not known here: ${quoted(workflow.name.text)} has no \`matrix\``;
    return null;
  };
  const matrixNames = () => [...axes].map((axis) => `${matrixPrefix}${axis}`);
  const allNames = lazily(() => ['run_name', 'job_id', ...matrixNames(), ...declarations.keys()]);
  const withinVariable = ({ name: { text } }: Declaration): Scope => ({
    get: (name) => builtIn(name) ?? resolve(name),
    hidden: (name) =>
      builtInHidden(name) ??
      (name === 'variables_as_args' ? `contains ${quoted(text)}, and can't be a part of it` : null),
    names: allNames,
    spend,
  });
  const scope: Scope = {
    get: (name) => builtIn(name) ?? (own.has(name) ? resolve(name) : undefined),
    hidden: (name) =>
      builtInHidden(name) ??
      (declarations.has(name) && !own.has(name)
        ? 'is not among the variables that this workflow depends on; add it to `variables` of `depends-on`'
        : null),
    names: lazily(() => [...builtIns, ...matrixNames(), ...own]),
    spend,
  };
  return { scope, resolve, resolved };
}

/** Names are only needed for the few errors that are shown, and there may be many of both. */
const lazily = (list: () => string[]): Iterable<string> => ({ [Symbol.iterator]: () => list().values() });
