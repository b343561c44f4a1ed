import * as z from 'zod';
import { capabilities } from './capabilities.ts';
import { mountPathFault, mountTargetFault } from './mount-paths.ts';
import { checkCachedFolder, checkFilePath } from './paths.ts';

/** Where an input comes from: a job of the same run, or (`run` set) a job of an earlier, tagged run. */
export const dependencySchema = z.lazy(() =>
  z.strictObject({
    run: z.string().nullable(),
    job: z.string(),
    /**
     * Its artifacts would collide with those of the other cells of its matrix: each goes to a folder of its own within
     * its path, `<path>/<job>`.
     */
    ownFolder: z.literal(true).optional(),
  }),
);

/** Why an attempt may be made again: its runner was lost; its commands failed; out of memory; out of time. */
export const retryReasons = ['runner-lost', 'exit', 'out-of-memory', 'timeout'] as const;

/** Seconds: each looks at all of a job's artifacts. */
export const leastCheckpoint = 1;
/** As many machines can take part in one job: each of them renews a ref of its own. */
export const mostNodes = 256;

/** What a job needs of a machine, and is held to there. Sizes in bytes; null = no matter. */
const resourcesSchema = z.lazy(() =>
  z.strictObject({
    /** CPUs, also a part of one. */
    cpu: z.number().positive().nullable(),
    memory: z.number().int().positive().nullable(),
    shmSize: z.number().int().positive().nullable(),
    gpu: z
      .strictObject({
        count: z.number().int().positive(),
        /** As its maker calls it, or a part of that: `A100`. */
        name: z.string().nullable(),
        /** Of each one. */
        memory: z.number().int().positive().nullable(),
      })
      .nullable(),
    /** May run on a machine that can be taken away at short notice. */
    interruptible: z.boolean(),
  }),
);

const mountSource = z.string().refine((path) => mountPathFault(path) === null, 'no path of a machine');
const mountTarget = z.string().refine((path) => mountTargetFault(path) === null, 'no place for a mount');

/** What of its machine a container gets beyond what every one does, where the runner allows it. */
const accessSchema = z.lazy(() =>
  z.strictObject({
    /** Folders or files of the machine, and where the job sees them; absolute. */
    mounts: z
      .array(z.strictObject({ source: mountSource, target: mountTarget, readOnly: z.boolean() }))
      .max(100),
    /** The machine's own, or no network at all; null: one of its own. */
    network: z.enum(['host', 'none']).nullable(),
    /** Of the kernel's, as Docker calls them: `SYS_PTRACE`. */
    capabilities: z.array(z.enum(capabilities)).max(capabilities.length),
  }),
);

const isPath = (check: typeof checkFilePath) => (text: string) => {
  const checked = check(text);
  return 'path' in checked && checked.path === text;
};

/** A folder that a runner keeps from job to job. */
const cachedFolderSchema = z.lazy(() =>
  z.strictObject({
    /** Relative to the workspace; or to the home, with `~/` before it. */
    path: z.string().refine(isPath(checkCachedFolder), 'no folder that can be kept'),
    /** Files of the workspace: once one of them changes, it is begun anew. */
    key: z.array(z.string().refine(isPath(checkFilePath), 'no file')).max(50),
  }),
);

/**
 * A fully resolved job: every interpolation done, nothing left to look up but secrets.
 * It is what a runner executes and is stored, inside `job.json`, in the ledger.
 */
export const jobSpecSchema = z.lazy(() =>
  z.strictObject({
    /** Unique within its run. */
    name: z.string(),
    /** The workflow it came from; differs from `name` for matrix cells. */
    workflow: z.string(),
    /** Container image, or null: runs as a plain process. */
    image: z.string().nullable(),
    /** What wraps its shell in place of the image's own entrypoint; empty: nothing. */
    entrypoint: z.array(z.string()).optional(),
    /** Run in order by one shell with `-e`. */
    commands: z.array(z.string()),
    /** Environment without secrets: user's `env`, and variables in upper case. */
    env: z.record(z.string(), z.string()),
    /** Names only; the runner finds the values. */
    secrets: z.array(z.string()),
    /** Relative to the workspace, `.` by default. */
    workingDir: z.string(),
    /** Relative paths of files or folders to keep. */
    artifacts: z.array(z.string()),
    /** Every variable that applies to the workflow, with its final value. */
    variables: z.record(z.string(), z.string()),
    dependsOn: z.array(dependencySchema),
    /** The files of the repository that it depends on, as globs; null = all of them. */
    files: z
      .strictObject({
        include: z.array(z.string()),
        exclude: z.array(z.string()),
        /** It sees no others. */
        strict: z.boolean(),
      })
      .nullable(),
    resources: resourcesSchema,
    /** On so many runners at the same time, all of them or none; one if it isn't said. */
    nodes: z.number().int().min(2).max(mostNodes).optional(),
    /** Ports that it listens on, to be published. */
    ports: z.array(z.number().int().min(1).max(65535)),
    /** Seconds from the start of its commands, or null: no limit. */
    timeout: z
      .number()
      .positive()
      .max(24 * 24 * 3600)
      .nullable(),
    retry: z.strictObject({
      /** Attempts beyond the first. */
      limit: z.number().int().nonnegative(),
      on: z.array(z.enum(retryReasons)),
    }),
    /** Seconds between two times at which its artifacts are saved while it runs. Absent: only when it ends. */
    checkpoint: z
      .number()
      .min(leastCheckpoint)
      .max(24 * 24 * 3600)
      .optional(),
    /** A JSON-lines file that it appends to, relative to the workspace; or null. */
    metrics: z.string().nullable(),
    /** What a runner's labels must have. */
    labels: z.record(z.string(), z.string()),
    /** Left out where it asks for none of it. */
    access: accessSchema.optional(),
    /** Left out where there is none. */
    setupCache: z.array(cachedFolderSchema).min(1).max(50).optional(),
  }),
);

/** What a workflow that says nothing about them gets. */
export const defaultRequirements = {
  resources: { cpu: null, memory: null, shmSize: null, gpu: null, interruptible: false },
  ports: [] as number[],
  timeout: null,
  retry: { limit: 2, on: ['runner-lost'] as RetryReason[] },
  metrics: null,
  labels: {} as Record<string, string>,
};

export type RetryReason = (typeof retryReasons)[number];
export type Dependency = z.infer<typeof dependencySchema>;
export type Access = z.infer<typeof accessSchema>;
export type CachedFolder = z.infer<typeof cachedFolderSchema>;
export type JobSpec = z.infer<typeof jobSpecSchema>;
