import type { ObjectReader } from '../git/object-reader.ts';
import { listRefs, setRefs } from '../git/refs.ts';
import { isObjectId, type Repository } from '../git/repository.ts';
import { git } from '../git/run-git.ts';
import { type CommitInput, writeCommits } from '../git/write-commits.ts';
import { formatDuration } from '../human-units.ts';
import { plainText } from '../terminal-text.ts';
import type { Archive, ArchiveTips } from './archive/read-archive.ts';
import { formatVersion } from './formats.ts';
import { refNames } from './refs.ts';
import { isFinal, type JobView, type RunView } from './state.ts';

/** An archive as it is at one moment. */
export interface ArchiveAt {
  readonly archive: Pick<Archive, 'foldings' | 'folded'>;
  readonly tips: ArchiveTips;
}

/** A commit of the chain. */
interface Link {
  readonly commit: string;
  readonly message: string;
}

/** Up to the last archived run of the chain. */
interface Base {
  readonly commit: string | null;
  readonly archives: readonly Covered[];
}

/** An archive, and how far the chain has its runs. */
interface Covered extends ArchiveAt {
  /** The last folding that is in the chain; null: none is. */
  readonly since: string | null;
  /** Those that are not. */
  readonly foldings: readonly string[];
}

/**
 * Rebuilds what `git log refs/dstack/runs` shows in a repository: a chain with one small commit per run. It is derived
 * and never pushed. The archived runs come first, in the order in which they were archived, then the others by age, so
 * that the newest are at the top; and only the part from the first run that changed is written anew, however long the
 * chain is.
 * @param runs those that are not archived, newest first
 * @returns how many commits were written
 */
export async function updateHistory(
  repository: Repository,
  prefix: string,
  runs: readonly RunView[],
  archives: readonly ArchiveAt[] = [],
): Promise<number> {
  const ref = refNames(prefix).history;
  const chain = await readHistory(repository, ref);
  const base = await verifiedBase(chain, archives);
  const archived = await archivedSince(base);
  const known = new Set(archived.map(({ run }) => run.name));
  const wanted = [
    ...archived,
    ...runs
      .toReversed()
      .flatMap((run) => (known.has(run.name) ? [] : [{ run, message: historyMessage(run) }])),
  ];
  const present = chain.slice(1 + chain.findIndex(({ commit }) => commit === base.commit));
  let same = 0;
  while (same < wanted.length && present[same]?.message === wanted[same]?.message) same += 1;
  const kept = same > 0 ? (present[same - 1]?.commit ?? null) : base.commit;
  const missing = wanted.slice(same);
  if (missing.length === 0) {
    if (present.length > same) await setRefs(repository.gitDir, new Map([[ref, kept]]));
    return 0;
  }
  const last = await writeLinks(
    repository,
    kept,
    missing.map(({ run, message }) => linkOf(run, message)),
  );
  await setRefs(repository.gitDir, new Map([[ref, last]]));
  return missing.length;
}

/** So many are written by one call of Git. */
const atOnce = 10_000;

/** What a link is made of. */
export interface NewLink extends Pick<RunView, 'submittedBy' | 'submittedAt'> {
  readonly message: string;
}

/** The link of a run that is not archived. */
export function linkOf(run: RunView, message = historyMessage(run)): NewLink {
  return { submittedBy: run.submittedBy, submittedAt: run.submittedAt, message };
}

/**
 * Writes links on top of what is kept, oldest first.
 * @param reader reads what is kept; opened and closed again if there is none
 */
export async function writeLinks(
  repository: Repository,
  kept: string | null,
  missing: readonly NewLink[],
  reader?: Pick<ObjectReader, 'read'>,
): Promise<string> {
  let last = kept;
  for (let at = 0; at < missing.length; at += atOnce) {
    const commits = await writeCommits(
      repository,
      missing.slice(at, at + atOnce).map(({ submittedBy, submittedAt, message }, index): CommitInput => {
        const author = /^(.*) <(.*)>$/.exec(submittedBy);
        return {
          parents: index > 0 ? [`:${index}`] : last ? [last] : [],
          files: [],
          message,
          author: {
            name: author?.[1] ?? 'unknown',
            email: author?.[2] ?? '',
            time: Date.parse(submittedAt),
          },
        };
      }),
      reader,
    );
    last = commits.at(-1) as string;
  }
  return last as string;
}

/** The part of the chain that is of archived runs, if it is still what the archives have; or nothing. */
async function verifiedBase(chain: readonly Link[], archives: readonly ArchiveAt[]): Promise<Base> {
  const link = chain.findLast(({ message }) => coveredBy(message).length > 0);
  const said = link ? coveredBy(link.message) : [];
  const covered = await Promise.all(archives.map((one) => coveredOf(one, said)));
  const isSound = said.every((commit) => covered.some(({ since }) => since === commit));
  if (isSound) return { commit: link?.commit ?? null, archives: covered };
  return { commit: null, archives: await Promise.all(archives.map((one) => coveredOf(one, []))) };
}

async function coveredOf(at: ArchiveAt, said: readonly string[]): Promise<Covered> {
  for (const since of said) {
    const foldings = await at.archive.foldings(at.tips, since);
    if (foldings !== null) return { ...at, since, foldings };
  }
  return { ...at, since: null, foldings: (await at.archive.foldings(at.tips, null)) ?? [] };
}

/** The archived runs that come after the base, each with its message. */
async function archivedSince({ archives }: Base): Promise<{ run: RunView; message: string }[]> {
  const links: { run: RunView; message: string }[] = [];
  const covered = archives.map(({ since }) => since);
  for (const [at, { archive, foldings }] of archives.entries()) {
    for (const commit of foldings) {
      covered[at] = commit;
      const runs = await archive.folded(commit);
      for (const [index, { run }] of runs.entries()) {
        const isLast = index === runs.length - 1;
        links.push({ run, message: historyMessage(run, isLast ? covered.flatMap((one) => one ?? []) : []) });
      }
    }
  }
  return links;
}

function coveredBy(message: string): string[] {
  const line = message
    .trimEnd()
    .split('\n')
    .findLast((one) => one.startsWith(coverage));
  return line === undefined ? [] : line.slice(coverage.length).split(' ').filter(isObjectId);
}

const coverage = 'Dstack-Archive: ';

/** So many runs are read at first; more are rarely not archived. Then more are read, and in the end the whole chain. */
const tails = [500, 5_000];

/** The end of the chain, oldest first: so much of it that a link is there which says what was archived, or all. */
async function readHistory(repository: Repository, ref: string): Promise<Link[]> {
  if (!(await listRefs(repository.gitDir, [ref])).has(ref)) return [];
  for (const longest of tails) {
    const tail = await readLinks(repository, ref, [`--max-count=${longest}`]);
    if (tail.length < longest || tail.some(({ message }) => coveredBy(message).length > 0)) return tail;
  }
  return readLinks(repository, ref, []);
}

async function readLinks(repository: Repository, ref: string, limit: readonly string[]): Promise<Link[]> {
  const format = ['--first-parent', '--no-show-signature', '-z', '--format=%H%n%B'];
  const text = await git(['log', ...format, ...limit, ref, '--'], { gitDir: repository.gitDir });
  const links = text.split('\0').flatMap((entry) => {
    const newline = entry.indexOf('\n');
    return newline < 0
      ? []
      : [{ commit: entry.slice(0, newline), message: `${entry.slice(newline + 1).trimEnd()}\n` }];
  });
  return links.reverse();
}

function historyMessage(run: RunView, covered: readonly string[] = []): string {
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
    // For plain Git: an archived run has no ref of its own.
    `Dstack-Commit: ${run.commit}`,
    ...(covered.length > 0 ? [`${coverage}${covered.join(' ')}`] : []),
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
