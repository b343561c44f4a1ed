import * as z from 'zod';
import { jobId, line, name, objectId, time } from '../field-schemas.ts';
import { formatVersion } from '../formats.ts';
import { measurementsSchema } from '../metrics.ts';
import { jobStates, type RunView } from '../state.ts';
import { usageSchema } from '../usage.ts';

/** A job that has ended, as readers show it. */
const jobSchema = z.lazy(() =>
  z.strictObject({
    run: name,
    name,
    workflow: line,
    state: z.enum(jobStates),
    reason: line.nullable(),
    dependsOn: z.array(z.object({ run: name.nullable(), job: name })),
    runner: line.nullable(),
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
    image: line.nullable(),
    commit: objectId,
    queueEntry: z.null(),
    stopping: z.literal(false),
  }),
);

/** One file of an archive's index: a run that has ended, as readers show it, and where what it left is found. */
export const archivedRunSchema = z.lazy(() =>
  z.strictObject({
    format: z.literal(formatVersion),
    /** Commit of the archive that keeps its objects; its tree has the logs as notes. */
    keeper: objectId,
    /** Keys of the cache that its jobs have the result for, with their names. */
    cache: z.record(z.string().regex(/^[0-9a-f]{64}$/), name),
    run: z.strictObject({
      name,
      commit: objectId,
      workflow: line,
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

/** Of the same file how many runs there are: of thousands of names nobody asks then whether each is one. */
export const shardSizeSchema = z.lazy(() =>
  z.object({ format: z.literal(formatVersion), runs: z.number().int().nonnegative() }),
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
