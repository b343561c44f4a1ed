import type { CommitInput } from '../../../src/git/write-commits.ts';
import { defaultRequirements, type JobSpec, retryReasons } from '../../../src/language/job-spec.ts';
import { formatVersion, type JobFile, printFile } from '../../../src/ledger/formats.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { PreparedRun } from '../../../src/ledger/prepare-run.ts';
import type { StopTarget } from '../../../src/ledger/stop.ts';
import { submitRun } from '../../../src/ledger/submit.ts';
import { ledgerOf, type Stage } from './stage.ts';
import type { Actor } from './world.ts';

/** Submits a run of a few jobs under the first of these names that is free. @returns the jobs, whatever became of them */
export async function submitter(
  stage: Stage,
  actor: Actor,
  names: readonly string[],
  draw: () => number,
  nodes: () => number,
): Promise<StopTarget[]> {
  const ledger = ledgerOf(stage, actor);
  for (const run of names) {
    const { targets, ...prepared } = prepare(stage, actor, ledger, run, draw, nodes);
    const jobs = targets.map(({ id }) => id.job);
    stage.checker.submits(run, prepared.commit, jobs);
    try {
      const result = await submitRun(ledger, prepared);
      if (result === 'taken') {
        stage.checker.taken(run, prepared.commit);
        continue;
      }
      stage.checker.submitted(run, prepared.commit, jobs);
    } catch {
      // Then a person looks, and decides.
    }
    return targets;
  }
  return [];
}

/** The objects of a run whose jobs wait for others, some of them; as `prepareRun` writes them, without the snapshot. */
function prepare(
  { objects }: Stage,
  actor: Actor,
  ledger: Ledger,
  run: string,
  draw: () => number,
  nodes: () => number,
): PreparedRun & { targets: StopTarget[] } {
  const author = { name: actor.name, email: 'a@b', time: ledger.clock.now() };
  const write = (commit: Omit<CommitInput, 'author' | 'parents'>) =>
    objects.write([{ parents: [], author, ...commit }])[0] as string;
  const jobs = Array.from({ length: 1 + Math.floor(draw() * 3) }, (_, index) => `j${index}`);
  const contents = jobs.map((name, index) =>
    printFile(
      jobOf(
        run,
        name,
        index > 0 && draw() < 0.5 ? [jobs[index - 1] as string] : [],
        drawRetry(draw),
        nodes(),
      ),
    ),
  );
  const blobs = write({
    files: jobs.map((path, index) => ({ path, content: contents[index] as string })),
    message: '',
  });
  const lines = jobs.map((name) => `Dstack-Job: ${name} ${objects.read(`${blobs}:${name}`)?.id}`);
  const commit = write({
    files: [],
    message: `${run}: w\n\nDstack-Format: ${formatVersion}\nDstack-Run: ${run}\nDstack-Workflow: w\nDstack-Variables: {}\n${lines.join('\n')}\n`,
  });
  const targets = jobs.map((job, index) => ({
    id: { run, job },
    queueEntry: write({
      files: [{ path: 'job.json', content: contents[index] as string }],
      message: `${run}/${job}\n\nDstack-Format: ${formatVersion}\nDstack-Run-Commit: ${commit}\n`,
    }),
  }));
  const updates = [
    ...targets.map(({ id, queueEntry }) => ({
      ref: ledger.names.job('queue', id),
      from: null,
      to: queueEntry,
    })),
    { ref: ledger.names.run(run), from: null, to: commit },
  ];
  return { run, commit, updates, targets };
}

function drawRetry(draw: () => number): JobSpec['retry'] {
  if (draw() < 0.5) return defaultRequirements.retry;
  return { limit: Math.floor(draw() * 4), on: retryReasons.filter(() => draw() < 0.7) };
}

function jobOf(
  run: string,
  name: string,
  dependsOn: readonly string[],
  retry: JobSpec['retry'],
  nodes: number,
): JobFile {
  const spec: JobSpec = {
    name,
    workflow: name,
    image: null,
    commands: ['true'],
    env: {},
    secrets: [],
    workingDir: '.',
    artifacts: ['a'],
    variables: {},
    dependsOn: dependsOn.map((job) => ({ run: null, job })),
    files: null,
    ...defaultRequirements,
    retry,
    ...(nodes > 1 ? { nodes } : {}),
  };
  const cacheKey = name.charCodeAt(1).toString(16).padStart(64, '0');
  return { format: formatVersion, run, spec, useCache: true, cacheKey };
}
