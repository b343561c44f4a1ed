import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { type TestProject, until } from '../../e2e/project.ts';
import { alternate } from '../alternate.ts';
import { dstack, quiet, timed, timedDstack, withBenchProject } from '../bench-project.ts';
import {
  atMostTimes,
  type Benchmark,
  type BenchOptions,
  type Row,
  rounds,
  rowOf,
  scaled,
} from '../benchmark.ts';
import { makeHistory } from '../history-maker.ts';
import { fillWithHistory } from '../history-store.ts';

const workflows = 'workflows: [{name: noop, commands: ["true"]}]\n';

export const history: Benchmark = {
  name: 'history',
  about: 'what a long history costs',
  async run(options) {
    const many = scaled(options, 100_000, 200);
    const few = Math.min(100, many / 2);
    return withBenchProject(workflows, (long) =>
      withBenchProject(workflows, async (short) => {
        options.say(`making ${many} finished runs`);
        await fillWithHistory(long, many);
        await fillWithHistory(short, few);
        // Reading first: after that, runs are added.
        const rows = [
          await firstFrame(options, { long, short, many, few }),
          await syncing(options, { long, short, many, few }),
        ];
        return withBenchProject(workflows, async (none) => {
          const sides = { long, short: none, many, few: 0 };
          return [await submitting(options, sides), await working(options, sides), ...rows];
        });
      }),
    );
  },
};

interface Sides {
  readonly long: TestProject;
  readonly short: TestProject;
  readonly many: number;
  readonly few: number;
}

async function compare(
  options: BenchOptions,
  { long, short, many, few }: Sides,
  what: string,
  limit: number,
  measure: (project: TestProject, round: number) => Promise<number>,
): Promise<Row> {
  options.say(what);
  const side = (project: TestProject) => async (round: number) => {
    await quiet(long);
    await quiet(short);
    return measure(project, round);
  };
  const taken = await alternate({ long: side(long), short: side(short) }, rounds(options, 10));
  return rowOf({
    what: `${what}, ${many.toLocaleString('en')} finished runs in the repository`,
    unit: 'ms',
    measured: taken.long,
    against: { what: few === 0 ? 'the same with none' : `the same with ${few}`, values: taken.short },
    aim: atMostTimes(limit),
  });
}

const submitting = (options: BenchOptions, sides: Sides) =>
  compare(options, sides, '`dstack run --detach`', 1.2, async (project) => {
    const took = await timedDstack(project, 'run', 'noop', '--detach', '--no-cache');
    await project.startRunner('bench', ['--executor', 'process', '--drain']).exited;
    return took;
  });

/** With runners that wait for it, so that what is added to submitting is a claim, and an outcome. */
async function working(options: BenchOptions, sides: Sides): Promise<Row> {
  const all = [sides.long, sides.short];
  const fleet = all.map((project) => project.startRunner('bench', ['--executor', 'process']));
  for (const project of all)
    await until('the card of the runner', async () => (await project.refs('runners')).length > 0);
  const what = '`dstack run` of a job that does nothing, claimed and done, hook-woken runner';
  const row = await compare(options, sides, what, 1.2, async (project) => {
    const took = await timedDstack(project, 'run', 'noop', '--no-cache');
    await until('the end of settling', async () => (await project.refs('claims')).length === 0);
    return took;
  });
  for (const runner of fleet) runner.kill('SIGTERM');
  await Promise.all(fleet.map(({ exited }) => exited));
  return row;
}

const firstFrame = (options: BenchOptions, sides: Sides) =>
  compare(options, sides, '`dstack status` in a terminal, to its first frame', 1.3, (project) => {
    const command = `stty cols 120 rows 40; exec '${process.execPath}' '${dstack}' status`;
    return new Promise((resolve, reject) => {
      const from = performance.now();
      const child = spawn('script', ['-qfec', command, '/dev/null'], {
        cwd: project.folder,
        env: { ...project.env, TERM: 'xterm-256color' },
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      let took: number | null = null;
      let screen = '';
      child.stdout.setEncoding('utf8').on('data', (more: string) => {
        screen += more;
        if (took !== null || !screen.includes('past-run-')) return;
        took = performance.now() - from;
        child.stdin.write('q');
      });
      child.once('error', reject);
      child.once('exit', () => (took === null ? reject(new Error(`no frame: ${screen}`)) : resolve(took)));
    });
  });

/** Ten more runs each time, which end up in one's own `git log`. */
async function syncing(options: BenchOptions, sides: Sides): Promise<Row> {
  const each = 10;
  for (const project of [sides.long, sides.short]) await timedDstack(project, 'sync');
  const what = `\`dstack sync\` of ${each} new runs and \`git log -20 refs/dstack/runs\``;
  const log = 'sync && git log -20 --oneline refs/dstack/runs';
  const row = await compare(options, sides, what, 1.3, async (project, round) => {
    const first = 900_000 + round * each;
    await makeHistory(project.shared, project.root, { first, count: each, archive: false });
    rmSync(path.join(project.root, `maker-${first}.git`), { recursive: true });
    const place = { cwd: project.folder, env: project.env };
    return timed(['sh', '-c', `'${process.execPath}' '${dstack}' ${log}`], place);
  });
  return row;
}
