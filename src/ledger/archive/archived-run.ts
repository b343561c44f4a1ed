import * as z from 'zod';
import { formatVersion } from '../formats.ts';
import { measurementsSchema } from '../metrics.ts';
import { isName } from '../names.ts';
import { jobStates, type RunView } from '../state.ts';
import { usageSchema } from '../usage.ts';

const name = z.string().refine(isName, 'not a legal name');
const time = z.string().max(40);
const text = z.string().max(4_000);
const commit = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
const jobId = z.strictObject({ run: name, job: name });

/** A job that has ended, as readers show it. */
const jobSchema = z.lazy(() =>
  z.strictObject({
    run: name,
    name,
    workflow: text,
    state: z.enum(jobStates),
    reason: text.nullable(),
    dependsOn: z.array(z.object({ run: name.nullable(), job: name })),
    runner: text.nullable(),
    attempt: z.number().int().nonnegative(),
    submittedAt: time,
    claimedAt: time.nullable(),
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    exitCode: z.number().int().nullable(),
    cachedFrom: jobId.nullable(),
    artifacts: z.strictObject({ files: z.number(), bytes: z.number() }).nullable(),
    metrics: measurementsSchema.nullable(),
    usage: usageSchema.optional(),
    image: text.nullable(),
    commit,
    queueEntry: z.null(),
    stopping: z.literal(false),
  }),
);

/** One file of an archive's index: a run that has ended, as readers show it, and where what it left is found. */
export const archivedRunSchema = z.lazy(() =>
  z.strictObject({
    format: z.literal(formatVersion),
    /** Commit of the archive that keeps its objects; its tree has the logs as notes. */
    keeper: commit,
    /** Keys of the cache that its jobs have the result for, with their names. */
    cache: z.record(z.string().regex(/^[0-9a-f]{64}$/), name),
    run: z.strictObject({
      name,
      commit,
      workflow: text,
      variables: z.record(z.string(), z.string()),
      submittedAt: time,
      submittedBy: z.string(),
      reason: z.string().nullable(),
      jobs: z.array(jobSchema),
      state: z.enum(jobStates),
      startedAt: time.nullable(),
      finishedAt: time.nullable(),
    }),
  }),
);

/** What a commit of an index says of itself. */
export const shardSchema = z.lazy(() =>
  z.strictObject({
    format: z.literal(formatVersion),
    /** How many runs it has. */
    runs: z.number().int().nonnegative(),
    /** The runs that this commit has brought, oldest first. */
    folded: z.array(name),
  }),
);

export type Shard = z.infer<typeof shardSchema>;

export interface ArchivedRun {
  readonly keeper: string;
  readonly cache: Readonly<Record<string, string>>;
  readonly run: RunView;
}

/** Of every commit that keeps what archived runs have left. */
export const keeperMessage = `keeps what runs have left\n\nDstack-Format: ${formatVersion}\n`;

/** Where things lie in an index's tree. A folder for the first two letters keeps each of them small. */
export const shardFile = 'archive.json';
export const runsFolder = 'runs';
export const cacheFolder = 'cache';

export function runPath(run: string): string {
  return `${runsFolder}/${run.slice(0, 2)}/${run}`;
}

export function cachePath(key: string): string {
  return `${cacheFolder}/${key.slice(0, 2)}/${key}`;
}
