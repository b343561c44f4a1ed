import * as z from 'zod';
import { DstackError } from '../errors.ts';
import { dependencySchema, jobSpecSchema } from '../language/job-spec.ts';
import { heldBy, jobId, line, name, objectId, time } from './field-schemas.ts';
import { gangSchema } from './gangs/formats.ts';
import { measurementsSchema } from './metrics.ts';
import { highestPriority } from './priority.ts';
import { usageSchema } from './usage.ts';

/** The version of everything dstack writes under its refs. */
export const formatVersion = 1;

const format = z.literal(formatVersion);

/** What is said of a manifest, whose text lies beside it as `artifacts.json`. */
const artifacts = z.strictObject({
  /** Its sha256. */
  manifest: z.string(),
  files: z.number().int().nonnegative(),
  bytes: z.number().int().nonnegative(),
  /** False if a declared artifact was missing. */
  complete: z.boolean(),
});

// Those of whole files are `lazy`: a command reads few of them, and each takes time to be made.

/** `job.json`: what to execute. Its blob id is listed in the run commit. */
export const jobSchema = z.lazy(() =>
  z.strictObject({
    format,
    run: name,
    spec: jobSpecSchema,
    /** False: execute it even if the cache has its result. */
    useCache: z.boolean(),
    /** Key of the inputs, or null: never taken from, and never put into, the cache. */
    cacheKey: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable(),
    /** Of jobs that wait, those with a higher one come first; left out: 0. */
    priority: z.number().int().min(-highestPriority).max(highestPriority).optional(),
  }),
);

/** `claim.json`: who has the job, for how long, and what it is doing. */
export const claimSchema = z.lazy(() =>
  z.strictObject({
    format,
    ...heldBy,
    attempt: z.number().int().positive(),
    /** How many of the attempts before this one ended with the loss of their runner. */
    lost: z.number().int().nonnegative(),
    /** How many attempts, up to this one, were given back by a runner that left: none of them has failed. Absent: none. */
    givenBack: z.number().int().positive().optional(),
    /** Seconds without a change of the ref after which others may take the job over. */
    lease: z.number().positive(),
    /** The queue object it is a claim on. */
    queue: z.string().max(64),
    /** `waiting`: nobody has it any more; whoever fits may make the next attempt once the lease, now a short one, is over. */
    state: z.enum(['claimed', 'pulling', 'running', 'uploading', 'waiting']),
    /** One line for people: pull progress, what is being fetched; why it waits for another attempt. */
    detail: line.nullable(),
    claimedAt: time,
    startedAt: time.nullable(),
    /** What has been saved of its artifacts, by earlier attempts or as a checkpoint of this one; null: nothing. */
    artifacts: artifacts.nullable(),
    /** When that was saved, if it is a checkpoint: of an attempt that had not ended. */
    savedAt: time.optional(),
    /** Who has it beside its runner, if it is one for several nodes. */
    gang: gangSchema.optional(),
  }),
);

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** `record.json`: how a job ended. */
export const recordSchema = z.lazy(() =>
  z.strictObject({
    format,
    run: name,
    job: name,
    workflow: z.string(),
    dependsOn: z.array(dependencySchema),
    state: z.enum(['done', 'failed', 'stopped', 'aborted', 'skipped', 'cached']),
    reason: line.nullable(),
    exitCode: z.number().int().nullable(),
    attempt: z.number().int().nonnegative(),
    runner: z.string(),
    host: line,
    executor: z.string().nullable(),
    image: z.string().nullable(),
    /** Which image that was: the digest by which its registry knows it, if it came from one; Docker's id of it. */
    imageDigest: digest.optional(),
    imageId: digest.optional(),
    claimedAt: time,
    startedAt: time.nullable(),
    finishedAt: time,
    queue: z.string().max(64),
    /** Its log becomes a note on this commit. */
    runCommit: z.string().max(64),
    cacheKey: z.string().nullable(),
    cachedFrom: jobId.nullable(),
    log: z.strictObject({
      bytes: z.number().int().nonnegative(),
      sha256: z.string(),
      /** The whole log is also a blob in the store, since Git holds only a part of it. */
      stored: z.boolean(),
    }),
    /** Null: there is no manifest. */
    artifacts: artifacts.nullable(),
    environment: z.record(z.string(), z.string()),
    /** The last values of what it measured; null: nothing. The lines lie beside it, below `metrics/`. */
    metrics: measurementsSchema.nullable(),
    /** Of the machine, by its last attempt; how that went over time lies beside it, as `usage.json`. */
    usage: usageSchema.optional(),
  }),
);

/** `stop.json`: a wish that a job end. */
export const stopSchema = z.lazy(() =>
  z.strictObject({
    format,
    run: name,
    job: name,
    /** The queue object it is meant for; ignored for any other. */
    queue: z.string().max(64),
    /** Without grace, and without saving artifacts. */
    abort: z.boolean(),
    by: line,
    nonce: z.string().max(64),
  }),
);

/** `runner.json`: a runner's card. */
export const runnerSchema = z.lazy(() =>
  z.strictObject({
    format,
    name,
    host: line,
    instance: z.string().max(64),
    pid: z.number().int(),
    executor: z.string(),
    concurrency: z.number().int().positive(),
    version: z.string(),
    labels: z.record(z.string(), z.string()),
    jobs: z.array(z.string()),
    startedAt: time,
    seenAt: time,
    heartbeat: z.number().positive(),
    draining: z.boolean(),
    /** Its machine can be taken away at short notice: it takes only jobs that allow that. Absent: it isn't. */
    interruptible: z.literal(true).optional(),
    /** What it waits for, for people; null: it has something to do. */
    waiting: line.nullable(),
    waitingSince: time.optional(),
    /** What jobs can have of it: CPUs, bytes of memory, GPUs with theirs. */
    machine: z.strictObject({
      cpu: z.number(),
      memory: z.number(),
      gpus: z.array(z.strictObject({ name: line, memory: z.number() })),
    }),
    /** False: it takes no job with an image. */
    takesImages: z.literal(false).optional(),
    /** False: it takes no job without an image. */
    takesPlain: z.literal(false).optional(),
    /** Secrets that jobs in the queue ask for, and that it can't give to those of this workflow. */
    lacks: z.array(z.strictObject({ workflow: line, secret: line })).optional(),
    /** What it lets containers have that ask for it; left out where that is nothing. */
    allows: z
      .strictObject({
        mounts: z.array(z.strictObject({ path: line, writable: z.boolean() })).max(100),
        network: z.array(line).max(1),
        capabilities: z.array(line).max(100),
      })
      .optional(),
    nonce: z.string().max(64),
  }),
);

/** Commits are made with it: those of Git begin in 1970, and years have four digits. */
const exactTime = time.refine((text) => /^\d{4}-/.test(text) && Date.parse(text) > 0, 'not a time');
/** Characters; longer ones are left alone. */
export const longestRef = 4000;
const branchOrTag = z.string().startsWith('refs/').max(longestRef);

/** `seen.json`: up to where pushes to branches and tags have been dealt with. */
export const seenSchema = z.lazy(() =>
  z.strictObject({
    format,
    nonce: z.string().max(64),
    /** What each branch and tag pointed at. */
    refs: z.record(branchOrTag, objectId),
    /** Pushes that were seen, and whose runs may not have been submitted yet; oldest first. */
    pending: z.array(
      z.strictObject({
        ref: branchOrTag,
        /** What it is compared with, to find the paths that it changes; null: nothing. */
        from: objectId.nullable(),
        to: objectId,
        /** It was there when dstack first looked: it starts nothing, only its schedules begin to count. */
        first: z.boolean(),
        seenAt: exactTime,
      }),
    ),
    /** Those of the default branch, as far as it has been dealt with. */
    schedules: z
      .strictObject({
        ref: branchOrTag,
        commit: objectId,
        entries: z.array(
          z.strictObject({
            workflow: name,
            cron: z.string().max(200),
            timezone: z.string().max(100),
            /** Nothing is made up of what was due before. */
            since: time,
          }),
        ),
      })
      .nullable(),
  }),
);

export type SeenFile = z.infer<typeof seenSchema>;
export type JobFile = z.infer<typeof jobSchema>;
export type ClaimFile = z.infer<typeof claimSchema>;
export type RecordFile = z.infer<typeof recordSchema>;
export type StopFile = z.infer<typeof stopSchema>;
export type RunnerFile = z.infer<typeof runnerSchema>;

/** Whoever may push to the refs can put there what he likes. */
const notByDstack = 'it was not written by dstack as it stands: do not trust that run';

/**
 * Parses one of the files above; foreign text, so nothing is taken on trust.
 * @throws DstackError `unknown-format` (written by a newer dstack), `bad-object`
 */
export function parseFile<T>(schema: z.ZodType<T>, what: string, content: Uint8Array): T {
  let data: unknown;
  try {
    data = JSON.parse(Buffer.from(content).toString('utf8'));
  } catch (cause) {
    throw new DstackError('bad-object', `${what} is not JSON`, { cause, hint: notByDstack });
  }
  const version = (data as { format?: unknown } | null)?.format;
  if (version !== formatVersion) {
    throw new DstackError('unknown-format', `${what} has format ${JSON.stringify(version)?.slice(0, 20)}`, {
      hint: `this dstack reads format ${formatVersion}: install the version that wrote it`,
    });
  }
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new DstackError('bad-object', `${what} is damaged: ${issue?.path.join('.')}: ${issue?.message}`, {
    hint: notByDstack,
  });
}

/** The bytes of such a file: sorted the way it was built, ended by a newline. */
export function printFile(file: object): string {
  return `${JSON.stringify(file, null, 1)}\n`;
}
