import { createHash } from 'node:crypto';
import type { JobSpec } from './job-spec.ts';

export interface CacheInput {
  /** Of a plan made with `placeholderRunName`: with a real one no two runs would ever have a key in common. */
  readonly spec: JobSpec;
  /** Id of the tree of the files that the job depends on. */
  readonly filesTree: string;
  /** One for each job it depends on: its cache key, and where its artifacts go if not to their own paths; in any order. */
  readonly dependencyKeys: readonly string[];
}

/** Raise it whenever the same inputs must no longer give the same key. */
const keyFormat = 2;

/** Everything that a job's result depends on, by name; `cacheKey` is its hash. Secrets are no part of it. */
export function describeKey({ spec, filesTree, dependencyKeys }: CacheInput) {
  const mounts = spec.access?.mounts ?? [];
  const env = Object.entries(spec.env).filter(([name]) => !spec.secrets.includes(name));
  return {
    format: keyFormat,
    // By its name: which image that is, only the machine knows that has it. Its runner asks before it takes a result.
    image: spec.image,
    ...(spec.entrypoint === undefined ? {} : { entrypoint: spec.entrypoint }),
    commands: spec.commands,
    workingDir: spec.workingDir,
    artifacts: [...spec.artifacts].sort(),
    metrics: spec.metrics,
    env: Object.fromEntries(env),
    variables: spec.variables,
    files: filesTree,
    // What lies there can't be read from here: it counts by its name.
    ...(mounts.length > 0 && { mounts: mounts.map(({ source, target }) => `${source}:${target}`).sort() }),
    ...(spec.nodes === undefined ? {} : { nodes: spec.nodes }),
    // One that sees more than it says it depends on could give another result: never taken for one that doesn't.
    strict: spec.files?.strict ?? true,
    dependencies: [...dependencyKeys].sort(),
  };
}

/** The key under which a job's result can be found again: 64 hexadecimal digits. */
export function cacheKey(input: CacheInput): string {
  return createHash('sha256')
    .update(canonicalJson(describeKey(input)))
    .digest('hex');
}

/** JSON without white space, the keys of objects sorted by UTF-16 code units. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${canonicalJson(item)}`).join(',')}}`;
}
