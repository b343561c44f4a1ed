import { spawn } from 'node:child_process';
import path from 'node:path';
import type { TestProject } from '../../e2e/project.ts';
import { hasSshd, startSshd } from '../../transports/sshd.ts';
import { startFarRunner } from '../../transports/whole-run.ts';
import { dstack, withBenchProject } from '../bench-project.ts';
import {
  absentRow,
  atMost,
  type Benchmark,
  type BenchOptions,
  type Row,
  rowOf,
  scaled,
} from '../benchmark.ts';

const poll = 2_000;

const workflowsOf = (lines: number) =>
  `workflows: [{name: talk, commands: ['for i in $(seq ${lines}); do date "+line %s%N"; sleep 0.7; done']}]\n`;

export const logLatency: Benchmark = {
  name: 'log-latency',
  about: 'how long a line takes from the job to the screen of another clone',
  async run(options) {
    return [await onThisMachine(options), await overSsh(options)];
  },
};

const linesOf = (options: BenchOptions) => scaled(options, 60, 5);
const row = (how: string, latencies: number[], limit: number, words: string): Row =>
  rowOf({
    what: `a line of a job → \`dstack logs -f\` in another clone, ${how}`,
    unit: 'ms',
    measured: latencies,
    aim: atMost(limit, words),
  });

function onThisMachine(options: BenchOptions): Promise<Row> {
  return withBenchProject(workflowsOf(linesOf(options)), async (project) => {
    options.say('with the hook');
    const runner = project.startRunner('bench', ['--executor', 'process']);
    const latencies = await follow(project, {});
    runner.kill('SIGTERM');
    await runner.exited;
    return row('with the hook', latencies, 300, '300 ms');
  });
}

function overSsh(options: BenchOptions): Promise<Row> {
  const how = `over ssh, without it, polls every ${poll / 1000} s`;
  const words = 'a poll + 300 ms';
  if (!hasSshd)
    return Promise.resolve(
      absentRow(
        `a line of a job → another clone, ${how}`,
        null,
        atMost(poll + 300, words),
        'there is no sshd here',
      ),
    );
  return withBenchProject(workflowsOf(linesOf(options)), async (project) => {
    options.say('over ssh');
    const sshd = await startSshd(path.join(project.root, 'sshd'));
    try {
      const env = {
        ...sshd.env,
        TMPDIR: project.root,
        DSTACK_REMOTE: sshd.url(project.shared),
        DSTACK_STORE: `file:${project.store}`,
        DSTACK_RUNNER_POLL: `${poll}ms`,
      };
      const runner = startFarRunner(project, env);
      const latencies = await follow(project, env);
      runner.kill('SIGTERM');
      await runner.exited;
      return row(how, latencies, poll + 300, words);
    } finally {
      await sshd.stop();
    }
  });
}

/** Follows a run from another clone. @returns milliseconds from when the job wrote each line to when it was read here */
async function follow(project: TestProject, env: NodeJS.ProcessEnv): Promise<number[]> {
  const run = await project.submit(['talk', '--no-cache'], { env });
  const clone = path.join(project.root, 'clone');
  await project.git(['clone', '--quiet', project.folder, clone], { cwd: project.root });
  const child = spawn(dstack, ['logs', '-f', run], {
    cwd: clone,
    env: { ...project.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const latencies: number[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    const now = performance.timeOrigin + performance.now();
    const lines = `${rest}${more}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const written = /line (\d{13})(\d{6})/.exec(line);
      if (written) latencies.push(now - Number(`${written[1]}.${written[2]}`));
    }
  });
  await new Promise((resolve) => child.once('close', resolve));
  return latencies;
}
