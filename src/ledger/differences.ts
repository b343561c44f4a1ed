import type { JobSpec } from '../language/job-spec.ts';
import { environmentName } from '../language/names.ts';
import { alike, type Pair } from './alike.ts';
import { lineDiff } from './line-diff.ts';

/** What a job was and what it is now, in one input. Null: it was, or is, not there. */
export type Difference =
  | { readonly kind: 'file'; readonly path: string; readonly change: 'added' | 'removed' | 'changed' }
  | {
      readonly kind: 'variable' | 'environment' | 'setting';
      readonly name: string;
      readonly before: string | null;
      readonly after: string | null;
    }
  | {
      readonly kind: 'image' | 'entrypoint' | 'working directory' | 'metrics' | 'strict' | 'nodes';
      readonly before: string | null;
      readonly after: string | null;
    }
  /** The lines that were taken out (`-`) and put in (`+`). */
  | { readonly kind: 'commands'; readonly lines: readonly string[] }
  | {
      readonly kind: 'artifacts' | 'mounts';
      readonly added: readonly string[];
      readonly removed: readonly string[];
    }
  | {
      readonly kind: 'dependency';
      /** A job of the same run, or `RUN/JOB` of an earlier one. */
      readonly name: string;
      readonly change: 'added' | 'removed' | 'changed';
      /** What has changed there; null where it has been told already. */
      readonly because: readonly Difference[] | null;
    };

/** A job, as far as a comparison needs to know who it was. */
export interface NamedSpec {
  readonly run: string;
  readonly spec: JobSpec;
}

/**
 * What differs between two jobs apart from files and dependencies. A text that differs just by the name of its run,
 * or by the value of a variable that is listed itself, is the same.
 */
export function compareSpecs(before: NamedSpec, after: NamedSpec): Difference[] {
  const [old, now] = [before.spec, after.spec];
  const names: Pair[] = [
    [`${before.run}/${old.name}`, `${after.run}/${now.name}`],
    [before.run, after.run],
  ];
  const variables = compareMaps('variable', old.variables, now.variables, names);
  const values = variables.flatMap(({ before: from, after: to }): Pair[] =>
    from !== null && from !== '' && to !== null ? [[from, to]] : [],
  );
  const pairs = [...names, ...values];
  // A variable is part of the environment, too, under another name.
  const derived = new Set(variables.map(({ name }) => environmentName(name)));
  const environment = compareMaps('environment', publicOf(old), publicOf(now), pairs).filter(
    ({ name }) => !derived.has(name),
  );
  const texts = [
    compareTexts('image', old.image, now.image, pairs),
    compareTexts('entrypoint', entrypointOf(old), entrypointOf(now), pairs),
    compareTexts('working directory', old.workingDir, now.workingDir, pairs),
    compareTexts('metrics', old.metrics, now.metrics, pairs),
    compareTexts('nodes', String(old.nodes ?? 1), String(now.nodes ?? 1), []),
    compareTexts('strict', String(old.files?.strict ?? true), String(now.files?.strict ?? true), []),
  ];
  return [
    ...variables,
    ...environment,
    ...texts.flatMap((difference) => difference ?? []),
    ...compareCommands(old.commands, now.commands, pairs),
    ...comparePaths('artifacts', old.artifacts, now.artifacts, pairs),
    ...comparePaths('mounts', mountsOf(old), mountsOf(now), pairs),
  ];
}

/** How many inputs differ, those of dependencies included. */
export function countDifferences(differences: readonly Difference[]): number {
  return differences.reduce(
    (sum, one) => sum + (one.kind === 'dependency' ? Math.max(1, countDifferences(one.because ?? [])) : 1),
    0,
  );
}

/** Null: the image's own. */
const entrypointOf = ({ entrypoint }: JobSpec): string | null =>
  entrypoint === undefined ? null : JSON.stringify(entrypoint);

const publicOf = ({ env, secrets }: JobSpec): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !secrets.includes(name)));

type NamedChange = Extract<Difference, { kind: 'variable' | 'environment' | 'setting' }>;

function compareMaps(
  kind: NamedChange['kind'],
  old: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
  pairs: readonly Pair[],
): NamedChange[] {
  const names = new Set([...Object.keys(old), ...Object.keys(now)]);
  return [...names].sort().flatMap((name): NamedChange[] => {
    const before = Object.hasOwn(old, name) ? (old[name] as string) : null;
    const after = Object.hasOwn(now, name) ? (now[name] as string) : null;
    const same = before !== null && after !== null && alike(before, after, pairs);
    return same ? [] : [{ kind, name, before, after }];
  });
}

function compareTexts(
  kind: 'image' | 'entrypoint' | 'working directory' | 'metrics' | 'strict' | 'nodes',
  before: string | null,
  after: string | null,
  pairs: readonly Pair[],
): Difference | null {
  if (before === null || after === null) return before === after ? null : { kind, before, after };
  return alike(before, after, pairs) ? null : { kind, before, after };
}

function compareCommands(
  old: readonly string[],
  now: readonly string[],
  pairs: readonly Pair[],
): Difference[] {
  const same = (before: string, after: string) => alike(before, after, pairs);
  if (old.length === now.length && old.every((text, index) => same(text, now[index] as string))) return [];
  const linesOf = (commands: readonly string[]) => commands.flatMap((command) => command.split('\n'));
  const lines = lineDiff(linesOf(old), linesOf(now), same);
  // Only their division into commands has changed.
  return [{ kind: 'commands', lines: lines.length > 0 ? lines : now.map((command) => `+${command}`) }];
}

const mountsOf = ({ access }: JobSpec): string[] =>
  (access?.mounts ?? []).map(({ source, target }) => `${source}:${target}`);

function comparePaths(
  kind: 'artifacts' | 'mounts',
  old: readonly string[],
  now: readonly string[],
  pairs: readonly Pair[],
): Difference[] {
  const removed = old.filter((path) => !now.some((other) => alike(path, other, pairs)));
  const added = now.filter((path) => !old.some((other) => alike(other, path, pairs)));
  return added.length + removed.length > 0 ? [{ kind, added, removed }] : [];
}
