import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { until } from '../../e2e/project.ts';
import { withBenchProject } from '../bench-project.ts';
import { atMostTimes, type Benchmark, type BenchOptions, type Row, rowOf, scaled } from '../benchmark.ts';

export const claims: Benchmark = {
  name: 'claims',
  about: 'how many claims runners try to make for each one that is won',
  async run(options) {
    const rows: Row[] = [];
    for (const [runners, jobs] of [
      [1, 100],
      [10, 100],
      [50, 500],
    ] as const)
      rows.push(await claimedBy(options, scaled(options, runners), scaled(options, jobs, 10)));
    return rows;
  },
};

async function claimedBy({ say }: BenchOptions, runners: number, jobs: number): Promise<Row> {
  const cells = Array.from({ length: jobs }, (_, index) => index);
  const workflows = `workflows: [{name: short, matrix: {i: [${cells}]}, resources: {cpu: 0.01}, commands: ["sleep 1"]}]\n`;
  return withBenchProject(workflows, async (project) => {
    say(`${runners} runners, ${jobs} jobs`);
    const traces = path.join(project.root, 'traces');
    mkdirSync(traces);
    // With a hook of somebody's, every change of a ref is a push by a process of its own, which is seen in the traces.
    writeFileSync(path.join(project.shared, 'hooks', 'pre-receive'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    await project.submit(['short', '--no-cache']);
    const fleet = Array.from({ length: runners }, (_, index) =>
      project.startRunner(`bench-${index}`, ['--executor', 'process', '--drain', '--concurrency', '1'], {
        GIT_TRACE2_EVENT: traces,
      }),
    );
    await until('the end of all jobs', async () => (await project.refs('jobs')).length === jobs, 3_600_000);
    await Promise.all(fleet.map(({ exited }) => exited));
    return rowOf({
      what: `creations of a claim, for each job that is claimed: ${runners} runners, ${jobs} jobs of a second`,
      unit: 'pushes',
      measured: [creationsTried(traces)],
      against: { what: 'jobs', values: [jobs] },
      aim: atMostTimes(1.1),
    });
  });
}

/** Claims that were to be created by any `git push`, successful or not. */
function creationsTried(traces: string): number {
  const creation = /"--force-with-lease=refs\/dstack\/claims\/[^":]*:"/g;
  return readdirSync(traces)
    .map((name) =>
      readFileSync(path.join(traces, name), 'utf8')
        .split('\n')
        .find((line) => line.includes('"event":"start"')),
    )
    .filter((line) => line?.includes('"push"'))
    .reduce((sum, line) => sum + (line?.match(creation)?.length ?? 0), 0);
}
