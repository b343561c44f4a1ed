import { parseCommit } from '../git/object-reader.ts';
import { writeCommits } from '../git/write-commits.ts';
import { printFile } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { type JobId, jobName } from './refs.ts';
import { type Finished, readFinished } from './settle.ts';

/**
 * `dstack run --local` does without images where there is no Docker. What comes of that is good enough for whoever chose
 * so; in everybody's cache it would pass for what the image gives.
 * @param ledger where the jobs were executed
 * @param jobs all of a run, their objects in the local repository
 * @returns the same, those in which a job without its image has a part with commits whose records have no cache key; the
 *   same commits each time
 */
export async function withoutKeysOfOthers(ledger: Ledger, jobs: readonly Finished[]): Promise<Finished[]> {
  const known = new Map(jobs.map((job) => [jobName(job.id), Promise.resolve<Finished | null>(job)]));
  const answers = new Map<string, Promise<boolean>>();
  const finished = (id: JobId): Promise<Finished | null> => {
    const job = known.get(jobName(id)) ?? outcomeOf(ledger, id);
    known.set(jobName(id), job);
    return job;
  };
  const hasPart = (id: JobId): Promise<boolean> => {
    const answer = answers.get(jobName(id)) ?? find(id);
    answers.set(jobName(id), answer);
    return answer;
  };
  const find = async (id: JobId): Promise<boolean> => {
    const record = (await finished(id))?.record;
    if (!record) return false;
    if (record.image !== null && record.executor === 'process') return true;
    const sources = record.dependsOn.map(({ run, job }) => ({ run: run ?? id.run, job }));
    const parts = await Promise.all(
      [...sources, ...(record.cachedFrom ? [record.cachedFrom] : [])].map(hasPart),
    );
    return parts.includes(true);
  };
  return Promise.all(
    jobs.map(async (job) =>
      job.record.cacheKey !== null && (await hasPart(job.id)) ? withoutKey(ledger, job) : job,
    ),
  );
}

async function outcomeOf(ledger: Ledger, id: JobId): Promise<Finished | null> {
  const ref = ledger.names.job('jobs', id);
  const commit = (await ledger.shared.list([ref])).get(ref);
  return commit === undefined ? null : readFinished(ledger, id, commit);
}

async function withoutKey(ledger: Ledger, { id, commit, record }: Finished): Promise<Finished> {
  const object = await ledger.shared.read(commit);
  if (object?.type !== 'commit') throw new Error(`commit ${commit} can't be read`);
  const { tree, parents, message } = parseCommit(object.content);
  const changed = { ...record, cacheKey: null };
  // Into one's own repository, from which it is pushed to another shared one.
  const [written] = await writeCommits(ledger.shared.local, [
    {
      parents,
      baseTree: tree,
      files: [{ path: 'record.json', content: printFile(changed) }],
      message,
      author: { ...ledger.who, time: Date.parse(record.finishedAt) || 0 },
    },
  ]);
  return { id, commit: written as string, record: changed };
}
