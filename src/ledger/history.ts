import { listRefs, setRefs } from '../git/refs.ts';
import type { Repository } from '../git/repository.ts';
import { git } from '../git/run-git.ts';
import { type CommitInput, writeCommits } from '../git/write-commits.ts';
import { formatDuration } from '../human-units.ts';
import { plainText } from '../terminal-text.ts';
import { formatVersion } from './formats.ts';
import { refNames } from './refs.ts';
import { isFinal, type JobView, type RunView } from './state.ts';

/**
 * Rebuilds what `git log refs/dstack/runs` shows in a repository: a chain with one small commit per run, newest
 * first. It is derived and never pushed. Only the part from the first run that changed is written anew.
 * @param runs newest first
 * @returns how many commits were written
 */
export async function updateHistory(
  repository: Repository,
  prefix: string,
  runs: readonly RunView[],
): Promise<number> {
  const ref = refNames(prefix).history;
  const wanted = [...runs].reverse().map((run) => ({ run, message: historyMessage(run) }));
  const present = await readHistory(repository, ref);
  let same = 0;
  while (same < wanted.length && present[same]?.message === wanted[same]?.message) same += 1;
  const kept = same > 0 ? (present[same - 1]?.commit ?? null) : null;
  const missing = wanted.slice(same);
  if (missing.length === 0) {
    if (present.length > same) await setRefs(repository.gitDir, new Map([[ref, kept]]));
    return 0;
  }
  const commits = await writeCommits(
    repository,
    missing.map(({ run, message }, index): CommitInput => {
      const author = /^(.*) <(.*)>$/.exec(run.submittedBy);
      return {
        parents: index > 0 ? [`:${index}`] : kept ? [kept] : [],
        files: [],
        message,
        author: {
          name: author?.[1] ?? 'unknown',
          email: author?.[2] ?? '',
          time: Date.parse(run.submittedAt),
        },
      };
    }),
  );
  await setRefs(repository.gitDir, new Map([[ref, commits.at(-1) as string]]));
  return missing.length;
}

/** The chain as it is, oldest first. */
async function readHistory(
  repository: Repository,
  ref: string,
): Promise<{ commit: string; message: string }[]> {
  if (!(await listRefs(repository.gitDir, [ref])).has(ref)) return [];
  const text = await git(
    ['log', '--reverse', '--first-parent', '--no-show-signature', '-z', '--format=%H%n%B', ref, '--'],
    {
      gitDir: repository.gitDir,
    },
  );
  return text.split('\0').flatMap((entry) => {
    const newline = entry.indexOf('\n');
    return newline < 0
      ? []
      : [{ commit: entry.slice(0, newline), message: `${entry.slice(newline + 1).trimEnd()}\n` }];
  });
}

function historyMessage(run: RunView): string {
  const variables = Object.entries(run.variables).map(
    ([name, value]) => `${plainText(name)}=${plainText(value)}`,
  );
  const duration = lasted(run.startedAt, run.finishedAt);
  const subject = [run.name, plainText(run.workflow), run.state, duration, ...variables]
    .filter(Boolean)
    .join('  ');
  return [
    subject,
    '',
    ...(run.reason ? [plainText(run.reason), ''] : []),
    ...run.jobs.map(jobLine),
    '',
    `Dstack-Format: ${formatVersion}`,
    `Dstack-Run: ${run.name}`,
    `Dstack-State: ${run.state}`,
    '',
  ].join('\n');
}

function jobLine(job: JobView): string {
  const took = isFinal(job.state) ? lasted(job.claimedAt, job.finishedAt) : '';
  const where = job.runner && job.state !== 'skipped' ? `on ${plainText(job.runner)}` : '';
  const from = job.cachedFrom ? `from ${job.cachedFrom.run}/${job.cachedFrom.job}` : '';
  const why = isFinal(job.state) && job.reason ? `(${plainText(job.reason)})` : '';
  return [plainText(job.name), job.state, took, from || where, why].filter(Boolean).join('  ');
}

function lasted(from: string | null, to: string | null): string {
  return from && to ? formatDuration(Date.parse(to) - Date.parse(from)) : '';
}
