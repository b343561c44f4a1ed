import type { RefUpdate } from '../git/push.ts';
import { git } from '../git/run-git.ts';
import type { Signature } from '../git/write-commits.ts';
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
 * Writes a run's objects into the local repository; nothing refers to them yet. The run commit lists the blob id of
 * every `job.json`, so that what will be executed hangs on this one id.
 */
export async function prepareRun(ledger: Ledger, request: RunRequest): Promise<PreparedRun> {
  const { local } = ledger.shared;
  const files = request.jobs.map(({ spec, cacheKey, useCache }) => {
    const job: JobFile = { format: formatVersion, run: request.run, spec, useCache, cacheKey };
    return { name: spec.name, content: printFile(job) };
  });
  // One tree with all the job files: its blobs' ids go into the run commit.
  const [blobsCommit] = await ledger.shared.write([
    {
      parents: [],
      files: files.map(({ name, content }) => ({ path: name, content })),
      message: '',
      author: request.author,
    },
  ]);
  const listing = await git(['ls-tree', '-z', blobsCommit as string], { gitDir: local.gitDir });
  const blobs = new Map(
    listing
      .split('\0')
      .filter(Boolean)
      .map((line): [string, string] => [
        line.slice(line.indexOf('\t') + 1),
        line.split(/[ \t]/)[2] as string,
      ]),
  );
  const message = printRunMessage({
    run: request.run,
    workflow: request.workflow,
    variables: request.overrides,
    jobs: new Map(files.map(({ name }) => [name, blobs.get(name) as string])),
    reason: request.reason,
    ...(request.trigger === undefined ? {} : { trigger: request.trigger }),
  });
  // Without the @ Git takes a small number for a day of the month.
  const date = `@${Math.floor(request.author.time / 1000)} +0000`;
  const commit = await git(
    [
      '-c',
      'i18n.commitEncoding=UTF-8',
      'commit-tree',
      request.tree,
      ...(request.parent ? ['-p', request.parent] : []),
    ],
    {
      gitDir: local.gitDir,
      input: message,
      env: {
        GIT_AUTHOR_NAME: request.author.name,
        GIT_AUTHOR_EMAIL: request.author.email,
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: request.author.name,
        GIT_COMMITTER_EMAIL: request.author.email,
        GIT_COMMITTER_DATE: date,
      },
    },
  );
  const entries = await ledger.shared.write(
    files.map(({ name }) => ({
      parents: [],
      files: [{ path: 'job.json', id: blobs.get(name) as string }],
      message: `${request.run}/${name}\n\nDstack-Format: ${formatVersion}\nDstack-Run-Commit: ${commit}\n`,
      author: request.author,
    })),
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
