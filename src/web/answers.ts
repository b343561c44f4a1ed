import { DstackError } from '../errors.ts';
import { diffRuns } from '../ledger/diff-runs.ts';
import { prunedOf } from '../ledger/prune/pruned-jobs.ts';
import { openMeasuredReader } from '../ledger/read-measured.ts';
import { readUsage } from '../ledger/read-usage.ts';
import { jobName } from '../ledger/refs.ts';
import { readCells } from '../ledger/run-cells.ts';
import { readJob, readOutcomes, readRun } from '../ledger/runs.ts';
import type { JobView } from '../ledger/state.ts';
import { readTrials } from '../ledger/trials.ts';
import { plainText } from '../terminal-text.ts';
import { jobChanges } from '../tui/job-changes.ts';
import type * as Answer from './answer-types.ts';
import { artifactsOf, textOf } from './artifacts.ts';
import { capturedCode, patchBetween } from './code.ts';
import type { LogFiles } from './log-files.ts';
import { type FoundRun, type Sources, storedReader } from './sources.ts';
import { thinned } from './thin.ts';

/** More runs are not laid beside each other. */
export const mostCompared = 50;

/** Answers a question of the page, such as `['log', RUN, JOB, '0']`, in JSON. */
export type Answers = (question: readonly string[]) => Promise<object>;

type Answerer = (...words: string[]) => Promise<object>;

/**
 * All that the page can ask about runs. What stands in a question is foreign: runs and jobs are looked up by it, files in a
 * job's manifest.
 * @throws DstackError `unknown-question`, `unknown-run`, `unknown-job` and what reading can fail with
 */
export function openAnswers(sources: Sources, readLog: LogFiles['read']): Answers {
  const find = async (run: string, job: string): Promise<FoundRun & { job: JobView }> => {
    const found = await sources.find(run);
    return { ...found, job: jobOf(found, job) };
  };
  /** Those of a run by themselves: each knows what it has read. */
  const measured = async ({ ledger, run }: FoundRun) => {
    const stored = await storedReader(sources, ledger, { run: run.name, job: run.jobs[0]?.name ?? '' });
    return { ledger, run, job: null, reader: openMeasuredReader(ledger, stored) };
  };
  const several = (runs: string) => Promise.all(namesIn(runs).map((name) => sources.find(name)));

  const answerers: Readonly<Record<string, Answerer>> = {
    async run(name = '') {
      const found = await sources.find(name);
      const tags = (await sources.tags()).get(found.run.name) ?? [];
      await found.ledger.shared.obtain([found.run.commit]);
      const cells = Object.fromEntries(await readCells(found.ledger, found.run));
      const having = found.run.jobs.some(({ artifacts }) => artifacts !== null);
      const pruned = having ? Object.fromEntries(await prunedOf(found.ledger, found.run.name)) : {};
      return { run: found.run, tags, cells, pruned } satisfies Answer.RunAnswer;
    },
    async job(run = '', job = '') {
      const { ledger, run: view } = await find(run, job);
      const id = { run: view.name, job };
      await ledger.shared.obtain([view.commit]);
      const commit = await readRun(ledger, view.name, view.commit);
      const spec = (commit && (await readJob(ledger, commit, job)))?.spec ?? null;
      const record = (await readOutcomes(ledger, [id])).get(jobName(id))?.record;
      return { spec, record: record ? recordPart(record) : null } satisfies Answer.JobAnswer;
    },
    async metrics(name = '') {
      const source = await measured(await sources.find(name));
      await source.ledger.shared.obtain([source.run.commit]);
      return thinned(await source.reader.read(source.run, null)) satisfies Answer.MetricsAnswer;
    },
    async usage(run = '', job = '') {
      const found = await find(run, job);
      return { series: await readUsage(found.ledger, found.job) } satisfies Answer.UsageAnswer;
    },
    async artifacts(run = '', job = '') {
      const found = await find(run, job);
      return artifactsOf(await sources.manifest(found.ledger, found.job)) satisfies Answer.ArtifactsAnswer;
    },
    async text(run = '', job = '', path = '') {
      return (await textOf(sources, await find(run, job), path)) satisfies Answer.TextAnswer;
    },
    async code(name = '') {
      return (await capturedCode(await sources.find(name), sources.folder)) satisfies Answer.CodeAnswer;
    },
    async trials(runs = '') {
      const found = await Promise.all((await several(runs)).map(measured));
      return { trials: await readTrials(found, undefined) } satisfies Answer.TrialsAnswer;
    },
    async diff(before = '', after = '') {
      const [old, now] = await Promise.all([sources.find(before), sources.find(after)]);
      const { files, bases, jobs } = await diffRuns({ ...old, job: null }, { ...now, job: null });
      const pairs = jobs.map((pair) => ({
        ...{ name: pair.name, differences: pair.differences },
        changes: jobChanges(pair, Date.now()),
      }));
      const patch = await patchBetween(old.run.commit, now.run.commit, sources.folder);
      return { files, bases, jobs: pairs, ...patch } satisfies Answer.DiffAnswer;
    },
    async log(run = '', job = '', page = '') {
      const found = await find(run, job);
      if (!/^\d{1,7}$/.test(page)) throw unknownQuestion(['log', page]);
      return (await readLog(found, found.job, Number(page))) satisfies Answer.LogAnswer;
    },
  };

  return async (question) => {
    const [kind = '', ...words] = question;
    const answerer = Object.hasOwn(answerers, kind) ? answerers[kind] : undefined;
    if (!answerer) throw unknownQuestion(question);
    return answerer(...words);
  };
}

/** @throws DstackError `unknown-job` */
export function jobOf({ run }: FoundRun, name: string): JobView {
  const job = run.jobs.find((one) => one.name === name);
  if (job) return job;
  throw new DstackError('unknown-job', `${run.name} has no job ${JSON.stringify(plainText(name))}`, {
    hint: `its jobs are: ${run.jobs.map((one) => plainText(one.name)).join(', ')}`,
  });
}

function namesIn(runs: string): string[] {
  const names = [...new Set(runs.split(','))];
  if (names.length <= mostCompared) return names;
  throw new DstackError('too-many-runs', `at most ${mostCompared} runs are compared at once`, {
    hint: 'mark fewer',
  });
}

function unknownQuestion(question: readonly string[]): DstackError {
  return new DstackError(
    'unknown-question',
    `there is nothing at ${plainText(question.join('/').slice(0, 200))}`,
    {
      hint: 'reload the page: it may be that of another version',
    },
  );
}

function recordPart({
  host,
  executor,
  environment,
  imageDigest,
  cacheKey,
}: NonNullable<Answer.JobAnswer['record']>): NonNullable<Answer.JobAnswer['record']> {
  return { host, executor, environment, cacheKey, ...(imageDigest ? { imageDigest } : {}) };
}
