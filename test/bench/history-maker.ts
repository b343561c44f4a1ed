import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { initBareRepository } from '../../src/git/repository.ts';
import { keepOrder } from '../../src/git/tidy-up.ts';
import { fold } from '../../src/ledger/archive/fold.ts';
import { formatVersion, printFile, type RecordFile } from '../../src/ledger/formats.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { refNames } from '../../src/ledger/refs.ts';
import { printRunMessage } from '../../src/ledger/run-message.ts';
import { jobSpec } from '../ledger/support.ts';
import { type PackWriter, packWriter } from './pack-writer.ts';
import { withUnwrittenRefs } from './unwritten-refs.ts';

const names = refNames();
const firstSubmitted = Date.parse('2026-01-01T00:00:00Z');
const author = { name: 'Ann', email: 'ann@example.org' };
const output = 'trained\n';
const job = 'train';

/** So many at a time become refs, and are archived before the next ones come: as in the life of a repository. */
const atATime = 2_000;

/**
 * Fills a shared repository with runs that were submitted a minute after each other and are done, each of one job with
 * a result in the cache, as their runners and those who settle would have left them; the older ones are archived, as many as
 * anybody would archive.
 * @param first number of the first one: two calls with the same numbers make the same runs
 * @param workFolder where a repository of one's own can be made
 * @returns their names, oldest first
 */
export async function makeHistory(
  shared: string,
  workFolder: string,
  { first = 0, count, archive = true }: { first?: number; count: number; archive?: boolean },
): Promise<string[]> {
  const pack = packWriter();
  const runs: string[] = [];
  if (count === 0) return runs;
  const refs = new Map<string, string>();
  const local = await initBareRepository(path.join(workFolder, `maker-${first}.git`));
  const ledger = await openLedger({ local, remote: shared, who: () => author });
  const folding = { ...ledger, shared: withUnwrittenRefs(ledger.shared, refs) };
  try {
    for (let from = first; from < first + count; from += atATime) {
      for (let number = from; number < Math.min(from + atATime, first + count); number += 1)
        runs.push(addRun(pack, refs, number));
      pack.write(shared);
      if (archive) while (await fold(folding));
    }
  } finally {
    ledger.close();
  }
  const creations = [...refs].map(([ref, id]) => `create ${ref} ${id}\n`);
  git(shared, ['update-ref', '--stdin'], creations.join(''));
  return runs;
}

/** Makes of a repository that was filled what tidying up makes of one that has grown for months. */
export function tidy(repository: string): void {
  git(repository, [...keepOrder, 'gc', '--quiet', '--prune=now']);
}

function git(cwd: string, args: readonly string[], input = ''): void {
  execFileSync('git', args, { cwd, input, stdio: ['pipe', 'ignore', 'inherit'] });
}

/** Names begin as differently as those that are drawn: the archive has a folder for each two letters. */
export function pastRun(number: number): string {
  const digits = String(number).padStart(6, '0');
  return `${createHash('sha256').update(digits).digest('hex').slice(0, 2)}-past-run-${digits}`;
}

/** @returns the run's name */
function addRun(pack: PackWriter, refs: Map<string, string>, number: number): string {
  const run = pastRun(number);
  const submitted = firstSubmitted + number * 60_000;
  const spec = jobSpec(job, { commands: ['python train.py'], env: { NUMBER: String(number) } });
  const cacheKey = createHash('sha256').update(run).digest('hex');
  const file = (name: string, id: string) => ({ mode: '100644', name, id });
  const folder = (name: string, id: string) => ({ mode: '040000', name, id });
  const jobBlob = pack.blob(printFile({ format: formatVersion, run, spec, useCache: true, cacheKey }));
  const by = (time: number) => ({ ...author, time });

  const snapshot = pack.tree([file('train.py', pack.blob('print("trained")\n'))]);
  const message = printRunMessage({
    run,
    workflow: job,
    variables: {},
    jobs: new Map([[job, jobBlob]]),
    reason: null,
  });
  const runCommit = pack.commit({ tree: snapshot, parents: [], author: by(submitted), message });
  const ended = recordOf(run, number, runCommit, cacheKey, submitted);
  const chunk = pack.tree([file('00.1767225600', pack.blob(output))]);
  const tree = pack.tree([
    file('job.json', jobBlob),
    file('record.json', pack.blob(printFile(ended))),
    folder('log', pack.tree([folder('00', pack.tree([folder('00', chunk)]))])),
  ]);
  const trailers = `Dstack-Format: ${formatVersion}\nDstack-Run: ${run}\nDstack-Job: ${run}/${job}\n`;
  const finishedAt = by(Date.parse(ended.finishedAt));
  const finished = pack.commit({
    tree,
    parents: [],
    author: finishedAt,
    message: `done: ${job}\n\n${trailers}`,
  });
  const text = pack.blob(`${job} (done)\n\n${output}`);
  const note = pack.commit({
    tree: pack.tree([file(runCommit, text)]),
    parents: [],
    author: finishedAt,
    message: `log of ${run}/${job}\n\nDstack-Format: ${formatVersion}\n`,
  });
  const id = { run, job };
  refs.set(names.run(run), runCommit);
  refs.set(names.job('jobs', id), finished);
  refs.set(names.note(id), note);
  refs.set(names.cache(cacheKey), finished);
  return run;
}

function recordOf(
  run: string,
  number: number,
  runCommit: string,
  cacheKey: string,
  submitted: number,
): RecordFile {
  const at = (seconds: number) => new Date(submitted + seconds * 1000).toISOString();
  return {
    format: formatVersion,
    run,
    job,
    workflow: job,
    dependsOn: [],
    state: 'done',
    reason: null,
    exitCode: 0,
    attempt: 1,
    runner: `gpu-${number % 7}`,
    host: 'lab',
    executor: 'process',
    image: null,
    claimedAt: at(1),
    startedAt: at(2),
    finishedAt: at(40 + (number % 600)),
    queue: createHash('sha1').update(run).digest('hex'),
    runCommit,
    cacheKey,
    cachedFrom: null,
    log: { bytes: output.length, sha256: createHash('sha256').update(output).digest('hex'), stored: false },
    artifacts: null,
    environment: {},
    metrics: null,
  };
}
