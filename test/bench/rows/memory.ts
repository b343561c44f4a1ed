import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../e2e/project.ts';
import { withBenchProject } from '../bench-project.ts';
import { atMostTimes, type Benchmark, type BenchOptions, type Row, rowOf, scaled } from '../benchmark.ts';
import { residentMemoryOf } from '../process-figures.ts';

export const memory: Benchmark = {
  name: 'memory',
  about: 'whether a runner grows',
  async run(options) {
    return [await whileIdle(options), await whileWorking(options)];
  },
};

/** Polls as often in minutes as others do in hours. */
async function whileIdle(options: BenchOptions): Promise<Row> {
  const seconds = scaled(options, 160, 8);
  return withBenchProject('workflows: []\n', async (project) => {
    const runner = project.startRunner('bench', ['--executor', 'process'], { DSTACK_RUNNER_POLL: '100ms' });
    await until('the card of the runner', async () => (await project.refs('runners')).length > 0);
    const samples: number[] = [];
    for (let taken = 0; taken < seconds * 2; taken += 1) {
      samples.push(residentMemoryOf(runner.pid));
      await sleep(500);
    }
    runner.kill('SIGTERM');
    await runner.exited;
    const quarter = Math.floor(samples.length / 4);
    return rowOf({
      what: `memory of an idle runner that polls every 100 ms, the last quarter of ${seconds} s`,
      unit: 'bytes',
      measured: samples.slice(-quarter),
      against: { what: 'the second quarter', values: samples.slice(quarter, 2 * quarter) },
      aim: atMostTimes(1.1),
    });
  });
}

async function whileWorking(options: BenchOptions): Promise<Row> {
  const jobs = scaled(options, 10_000, 20);
  const cells = Array.from({ length: jobs }, (_, index) => index);
  const workflows = `workflows: [{name: noop, matrix: {i: [${cells}]}, resources: {cpu: 0.1}, commands: ["true"]}]\n`;
  return withBenchProject(workflows, async (project) => {
    await project.submit(['noop', '--no-cache']);
    const runner = project.startRunner('bench', ['--executor', 'process', '--concurrency', '4']);
    const samples: { done: number; bytes: number }[] = [];
    await until(
      'the end of all jobs',
      async () => {
        const done = (await project.refs('jobs')).length;
        samples.push({ done, bytes: residentMemoryOf(runner.pid) });
        await sleep(500);
        return done >= jobs;
      },
      3_600_000,
    );
    runner.kill('SIGTERM');
    await runner.exited;
    const between = (from: number, to: number) =>
      samples.flatMap(({ done, bytes }) => (done >= jobs * from && done <= jobs * to ? [bytes] : []));
    const last = Math.round(jobs * 0.8).toLocaleString('en');
    return rowOf({
      what: `memory of a runner that works off ${jobs.toLocaleString('en')} jobs, from job ${last} on`,
      unit: 'bytes',
      measured: between(0.8, 1),
      against: { what: 'after a tenth of them, up to three tenths', values: between(0.1, 0.3) },
      aim: atMostTimes(1.2),
    });
  });
}
