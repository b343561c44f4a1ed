import { z } from 'zod';

/** Where an input comes from: a job of the same run, or (`run` set) a job of an earlier, tagged run. */
export const dependencySchema = z.strictObject({
  run: z.string().nullable(),
  job: z.string(),
});

/**
 * A fully resolved job: every interpolation done, nothing left to look up but secrets.
 * It is what a runner executes and is stored, inside `job.json`, in the ledger.
 */
export const jobSpecSchema = z.strictObject({
  /** Unique within its run. */
  name: z.string(),
  /** The workflow it came from; differs from `name` for matrix cells. */
  workflow: z.string(),
  /** Container image, or null: runs as a plain process. */
  image: z.string().nullable(),
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
  /** The files of the repository it sees, as globs; null = all of them. */
  files: z.strictObject({ include: z.array(z.string()), exclude: z.array(z.string()) }).nullable(),
});

export type Dependency = z.infer<typeof dependencySchema>;
export type JobSpec = z.infer<typeof jobSpecSchema>;
