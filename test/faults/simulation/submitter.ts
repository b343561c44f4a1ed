import type { CommitInput } from '../../../src/git/write-commits.ts';
import type { JobSpec } from '../../../src/language/job-spec.ts';
import { formatVersion, type JobFile, printFile } from '../../../src/ledger/formats.ts';
import type { StopTarget } from '../../../src/ledger/stop.ts';
import { submitRun } from '../../../src/ledger/submit.ts';
import { ledgerOf, type Stage } from './stage.ts';
import type { Actor } from './world.ts';

/** Submits a run of a few jobs, some of which wait for others. @returns them, whatever became of it */
export async function submitter(
  stage: Stage,
  actor: Actor,
  run: string,
  draw: () => number,
): Promise<StopTarget[]> {
  const { objects, checker } = stage;
  const ledger = ledgerOf(stage, actor);
  const author = { name: actor.name, email: 'a@b', time: ledger.clock.now() };
  const write = (commit: Omit<CommitInput, 'author' | 'parents'>) =>
    objects.write([{ parents: [], author, ...commit }])[0] as string;
  const jobs = Array.from({ length: 1 + Math.floor(draw() * 3) }, (_, index) => `j${index}`);
  const contents = jobs.map((name, index) =>
    printFile(jobOf(run, name, index > 0 && draw() < 0.5 ? [jobs[index - 1] as string] : [])),
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
  try {
    const result = await submitRun(ledger, { run, commit, updates });
    if (result === 'submitted') checker.submitted(run, commit, jobs);
    else checker.taken(run, commit);
  } catch {
    // Told to be unknown, or to be submitted in part: then a person looks, and decides.
  }
  return targets;
}

function jobOf(run: string, name: string, dependsOn: readonly string[]): JobFile {
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
  };
  const cacheKey = name.charCodeAt(1).toString(16).padStart(64, '0');
  return { format: formatVersion, run, spec, useCache: true, cacheKey };
}
