import { isName } from './names.ts';

/** Every ref name of dstack's is made and read here, and nowhere else. */
export const defaultPrefix = 'refs/dstack';

/** For hosts that take nothing but branches. */
export const branchPrefix = 'refs/heads/dstack';

/** Where the logs lie in one's own repository, for `git log --notes`. */
export const ownNotes = 'refs/notes/dstack';

/** And those of archived runs; no run can be called so. */
export const archivedNotes = `${ownNotes}/_archived`;

/** One job of one run. */
export interface JobId {
  readonly run: string;
  readonly job: string;
}

export type JobArea = 'queue' | 'claims' | 'jobs' | 'stops';
export type Area =
  | JobArea
  | 'nodes'
  | 'runs'
  | 'cache'
  | 'runners'
  | 'tags'
  | 'triggers'
  | 'archive'
  | 'pruned';

/** What is kept of runs that have left their own refs: what is said of them, and what keeps their objects. */
export type ArchivePart = 'index' | 'keep';

/** The names under one prefix (`refs/dstack` unless configured otherwise). */
export interface RefNames {
  readonly prefix: string;
  /** `<prefix>/<area>`, to list it. */
  area(area: Area): string;
  /** `<prefix>/<area>/<run>`, to list a run's part of it. */
  ofRun(area: JobArea | 'nodes', run: string): string;
  run(run: string): string;
  job(area: JobArea, id: JobId): string;
  /** What a runner offers to, and does in, a job for several nodes. */
  node(id: JobId, runner: string): string;
  cache(key: string): string;
  runner(name: string): string;
  tag(name: string): string;
  /** `<prefix>/archive/<part>`, to list it; with a shard, the ref of that one. */
  archive(part: ArchivePart, shard?: string): string;
  /** Up to where pushes to branches and tags have been dealt with. */
  seen: string;
  /** Of which jobs the artifacts and long logs have been given up. */
  pruned: string;
  /** Where the logs lie as notes: a folder of refs. */
  notes: string;
  /** The log of a job as a note on the run commit; its own ref per job, since one shared notes ref loses pushes. */
  note(id: JobId): string;
  /** A ref that means nothing, of whoever finds out what a host allows; `id` is his own. */
  probe(id: string, name: string): string;
  /** Reads a ref name back; null if it isn't one of ours (or not a legal one). */
  parse(ref: string): ParsedRef | null;
  /** What `git log <prefix>/runs` resolves to: Git tries `refs/remotes/<name>/HEAD` last. */
  history: string;
}

const named = ['cache', 'runners', 'tags', 'triggers', 'pruned'] as const;

export type ParsedRef =
  | { area: 'runs'; run: string }
  | ({ area: JobArea } & JobId)
  | ({ area: 'nodes'; runner: string } & JobId)
  | { area: (typeof named)[number]; name: string }
  | { area: 'archive'; part: ArchivePart; shard: string };

export function refNames(prefix: string = defaultPrefix): RefNames {
  // Git shows notes only from below `refs/notes`; a host that wants another prefix may not accept that.
  const notes = prefix === defaultPrefix ? ownNotes : `${prefix}/notes`;
  return {
    prefix,
    notes,
    note: ({ run, job }) => `${notes}/${run}/${job}`,
    area: (area) => `${prefix}/${area}`,
    ofRun: (area, run) => `${prefix}/${area}/${run}`,
    run: (run) => `${prefix}/runs/${run}`,
    job: (area, { run, job }) => `${prefix}/${area}/${run}/${job}`,
    node: ({ run, job }, runner) => `${prefix}/nodes/${run}/${job}/${runner}`,
    cache: (key) => `${prefix}/cache/${key}`,
    runner: (name) => `${prefix}/runners/${name}`,
    tag: (name) => `${prefix}/tags/${name}`,
    archive: (part, shard) => `${prefix}/archive/${part}${shard === undefined ? '' : `/${shard}`}`,
    seen: `${prefix}/triggers/seen`,
    pruned: `${prefix}/pruned/artifacts`,
    probe: (id, name) => `${prefix}/probe/${id}/${name}`,
    history: `refs/remotes/${prefix}/runs/HEAD`,
    parse(ref) {
      if (!ref.startsWith(`${prefix}/`)) return null;
      const [area, first, second, third, ...rest] = ref.slice(prefix.length + 1).split('/');
      if (rest.length > 0 || !first || !isName(first)) return null;
      if (area === 'nodes') {
        return second && isName(second) && third && isName(third)
          ? { area, run: first, job: second, runner: third }
          : null;
      }
      if (third !== undefined) return null;
      if (area === 'queue' || area === 'claims' || area === 'jobs' || area === 'stops') {
        return second && isName(second) ? { area, run: first, job: second } : null;
      }
      if (area === 'archive') {
        const isPart = first === 'index' || first === 'keep';
        return isPart && second && isName(second) ? { area, part: first, shard: second } : null;
      }
      if (second !== undefined) return null;
      if (area === 'runs') return { area, run: first };
      const found = named.find((one) => one === area);
      return found ? { area: found, name: first } : null;
    },
  };
}

/** Below it, in one's own repository, lie the mirrors of shared ones that are elsewhere. */
export const mirrors = 'refs/dstack-remotes';

/** `run/job`, as people write it. */
export function jobName({ run, job }: JobId): string {
  return `${run}/${job}`;
}
