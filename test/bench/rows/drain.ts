import type { TestProject } from '../../e2e/project.ts';
import { quiet, timed, withBenchProject } from '../bench-project.ts';
import {
  absentRow,
  ahead,
  type Benchmark,
  type BenchOptions,
  type Row,
  rowOf,
  scaled,
} from '../benchmark.ts';
import { newCommits } from '../new-commits.ts';
import { installGitlabCiLocal } from '../peers/gitlab-ci-local.ts';
import { noSlurm, startSlurm } from '../peers/slurm.ts';

const concurrency = 4;

export const drain: Benchmark = {
  name: 'drain',
  about: 'how long one runner takes for many jobs that do nothing',
  async run(options) {
    const jobs = scaled(options, 1_000, 10);
    const { say } = options;
    const what = `${jobs.toLocaleString('en')} jobs that do nothing, one runner, ${concurrency} at a time, process`;
    // Each is measured once: there are so many jobs that the figure is a mean of many.
    const ours = await withBenchProject(workflowsOf(jobs), (project) => drainByRunner(project, options));
    say(`dstack: ${ours.runner.toFixed(1)} s, submitting them ${ours.submit.toFixed(1)} s`);
    const submitted = `submitting them took ${ours.submit.toFixed(1)} s more`;
    const rowBeside = (peer: string, value: number | string): Row =>
      typeof value === 'string'
        ? absentRow(what, peer, ahead, value)
        : rowOf({
            what,
            unit: 's',
            measured: [ours.runner],
            against: { what: peer, values: [value] },
            aim: ahead,
            note: submitted,
          });
    const rows = [
      rowBeside(
        'gitlab-ci-local, its shell executor, the same jobs, as many at a time',
        await byGitlab(jobs),
      ),
      rowBeside('Slurm of one node, an array of as many jobs, as many at a time', await bySlurm(jobs)),
    ];
    const pushes = await withBenchProject('workflows: []\n', (project) => byPushes(project, jobs));
    return [...rows, rowBeside('two bare `git push` a job, as many at a time', pushes)];
  },
};

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

async function byGitlab(jobs: number): Promise<number | string> {
  const peer = await installGitlabCiLocal();
  return typeof peer === 'string' ? peer : (await peer.drain(jobs, concurrency)) / 1000;
}

async function bySlurm(jobs: number): Promise<number | string> {
  if (noSlurm !== null) return noSlurm;
  const slurm = await startSlurm(concurrency);
  try {
    return (await slurm.drain(jobs)) / 1000;
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
