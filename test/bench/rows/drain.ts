import { existsSync } from 'node:fs';
import os from 'node:os';
import type { TestProject } from '../../e2e/project.ts';
import { alternate } from '../alternate.ts';
import { benchProject, quiet, removeProjects, timed, withBenchProject } from '../bench-project.ts';
import {
  absentRow,
  ahead,
  type Benchmark,
  type BenchOptions,
  type Row,
  rounds,
  rowOf,
  scaled,
} from '../benchmark.ts';
import { fileSystemOf } from '../file-system.ts';
import { newCommits } from '../new-commits.ts';
import { type GitlabCiLocal, installGitlabCiLocal } from '../peers/gitlab-ci-local.ts';
import { noSlurm, startSlurm } from '../peers/slurm.ts';
import { summarize } from '../statistics.ts';

const concurrency = 4;

/** Where files are kept in memory, on Linux. */
const memory = '/dev/shm';

export const drain: Benchmark = {
  name: 'drain',
  about: 'how long one runner takes for many jobs that do nothing',
  async run(options) {
    const jobs = scaled(options, 1_000, 10);
    const gitlab = await installGitlabCiLocal(options.certificates);
    // A repository is many small files, so much of it is the file system's. Where there is only memory, once will do.
    const disk = os.tmpdir();
    const places = existsSync(memory) && fileSystemOf(disk) !== 'tmpfs' ? [disk, memory] : [disk];
    const rows: Row[] = [];
    for (const place of places) {
      const { beside, byGitlab } = await inPlace(place, gitlab, jobs, options);
      rows.push(beside('gitlab-ci-local, its shell executor, the same jobs, as many at a time', byGitlab));
      if (place !== disk) continue;
      const slurm = await bySlurm(jobs);
      rows.push(beside('Slurm of one node, an array of as many jobs, as many at a time', slurm));
      const pushes = await withBenchProject('workflows: []\n', (project) => byPushes(project, jobs));
      rows.push(beside('two bare `git push` a job, as many at a time', [pushes]));
    }
    return rows;
  },
};

/**
 * Measures both in turn, with all their files below one folder. What was made is removed at the end: on some disks making
 * files is slow after that.
 * @returns what makes a row of it beside a peer's seconds
 */
async function inPlace(place: string, gitlab: GitlabCiLocal | string, jobs: number, options: BenchOptions) {
  const submitting: number[] = [];
  const projects: TestProject[] = [];
  for (let round = 0; round < rounds(options, 3); round += 1)
    projects.push(await benchProject(workflowsOf(jobs), {}, place));
  const projectOf = (round: number) => projects[round - 1] as TestProject;
  const sides = {
    ours: async (round: number) => {
      const { submit, runner } = await drainByRunner(projectOf(round), options);
      submitting.push(submit);
      options.say(`${place}: dstack ${runner.toFixed(1)} s, submitting them ${submit.toFixed(1)} s`);
      return runner;
    },
    theirs: async (round: number) => {
      if (typeof gitlab === 'string') return 0;
      return (await gitlab.drain(jobs, concurrency, projectOf(round).root)) / 1000;
    },
  };
  const { ours, theirs } = await alternate(sides, projects.length, { warmUp: false }).finally(removeProjects);
  const what = `${jobs.toLocaleString('en')} jobs that do nothing, one runner, ${concurrency} at a time, process, files on ${fileSystemOf(place)}`;
  return {
    byGitlab: typeof gitlab === 'string' ? gitlab : theirs,
    beside: (peer: string, values: readonly number[] | string): Row =>
      typeof values === 'string'
        ? absentRow(what, peer, ahead, values)
        : rowOf({
            what,
            unit: 's',
            measured: ours,
            against: { what: peer, values },
            aim: ahead,
            note: `submitting them took ${summarize(submitting).median.toFixed(1)} s more`,
          }),
  };
}

const workflowsOf = (jobs: number) =>
  `workflows: [{name: noop, matrix: {i: [${Array.from({ length: jobs }, (_, i) => i)}]}, resources: {cpu: 0.1}, commands: ["true"]}]\n`;

async function drainByRunner(project: TestProject, { say }: BenchOptions) {
  const submitFrom = performance.now();
  await project.submit(['noop', '--no-cache']);
  await quiet(project);
  const from = performance.now();
  const args = ['--executor', 'process', '--drain', '--concurrency', String(concurrency)];
  const runner = project.startRunner('bench', args);
  const telling = setInterval(
    async () => say(`${(await project.refs('jobs')).length} jobs are done`),
    30_000,
  );
  const code = await runner.exited;
  clearInterval(telling);
  if (code !== 0) throw new Error(`the runner ended with ${code}: ${runner.output()}`);
  return { submit: (from - submitFrom) / 1000, runner: (performance.now() - from) / 1000 };
}

async function bySlurm(jobs: number): Promise<number[] | string> {
  if (noSlurm !== null) return noSlurm;
  const slurm = await startSlurm(concurrency);
  try {
    return [(await slurm.drain(jobs)) / 1000];
  } finally {
    await slurm.stop();
  }
}

/** A claim and an outcome of each job, pushed by hand. */
async function byPushes(project: TestProject, jobs: number): Promise<number> {
  const commits = await newCommits(project, jobs);
  const push = (area: string) => `git push --quiet --no-verify ../shared.git $1:refs/dstack/${area}/bare/$1`;
  const lane = `${push('claims')} && ${push('queue')}`;
  const all = `printf '%s\\n' "$@" | xargs -n 1 -P ${concurrency} sh -c '${lane}' sh`;
  const place = { cwd: project.folder, env: project.env };
  return (await timed(['sh', '-c', all, 'sh', ...commits], place)) / 1000;
}
