import { encodeObject } from '../git/encode-object.ts';
import type { RefUpdate } from '../git/push.ts';
import { type Signature, writeCommitOf } from '../git/write-commits.ts';
import type { JobSpec } from '../language/job-spec.ts';
import { formatVersion, type JobFile, printFile } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { printRunMessage } from './run-message.ts';

export interface RunRequest {
  readonly run: string;
  readonly workflow: string;
  /** Variables given on the command line. */
  readonly overrides: Readonly<Record<string, string>>;
  readonly reason: string | null;
  /** Of its jobs among those that wait; left out: 0. */
  readonly priority?: number | undefined;
  /** See {@link printRunMessage}. */
  readonly trigger?: string;
  /** The snapshot. */
  readonly tree: string;
  /** The user's HEAD, or null on an unborn branch. */
  readonly parent: string | null;
  readonly author: Signature;
  readonly jobs: readonly { spec: JobSpec; cacheKey: string | null; useCache: boolean }[];
}

export interface PreparedRun {
  readonly run: string;
  readonly commit: string;
  readonly updates: readonly (RefUpdate & { from: null; to: string })[];
}

/**
 * Writes a run's objects; nothing refers to them yet. The run commit lists the blob id of
 * every `job.json`, so that what will be executed hangs on this one id.
 */
export async function prepareRun(ledger: Ledger, request: RunRequest): Promise<PreparedRun> {
  const { local } = ledger.shared;
  const files = request.jobs.map(({ spec, cacheKey, useCache }) => {
    const job: JobFile = {
      format: formatVersion,
      run: request.run,
      spec,
      useCache,
      cacheKey,
      ...(request.priority && { priority: request.priority }),
    };
    return { name: spec.name, content: printFile(job) };
  });
  const blobs = new Map(
    files.map(({ name, content }) => [name, encodeObject('blob', content, local.objectFormat).id]),
  );
  const message = printRunMessage({
    run: request.run,
    workflow: request.workflow,
    variables: request.overrides,
    jobs: blobs,
    reason: request.reason,
    ...(request.trigger === undefined ? {} : { trigger: request.trigger }),
  });
  const commit = await writeCommitOf(local, {
    tree: request.tree,
    parents: request.parent ? [request.parent] : [],
    author: request.author,
    message,
  });
  const entries = await ledger.shared.write(
    files.map(({ name, content }) => ({
      parents: [],
      files: [{ path: 'job.json', content }],
      message: `${request.run}/${name}\n\nDstack-Format: ${formatVersion}\nDstack-Run-Commit: ${commit}\n`,
      author: request.author,
    })),
    // The snapshot is nowhere else.
    { pushed: true },
  );
  return {
    run: request.run,
    commit,
    // The run ref goes last: where a push isn't atomic, a job without its run does not exist yet.
    updates: [
      ...files.map(({ name }, index) => ({
        ref: ledger.names.job('queue', { run: request.run, job: name }),
        from: null,
        to: entries[index] as string,
      })),
      { ref: ledger.names.run(request.run), from: null, to: commit },
    ],
  };
}
