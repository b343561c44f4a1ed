import { alternate } from '../alternate.ts';
import { timed, timedDstack, withBenchProject } from '../bench-project.ts';
import { atMostTimes, type Benchmark, rounds, rowOf } from '../benchmark.ts';

export const start: Benchmark = {
  name: 'start',
  about: 'how long a command takes to begin',
  run: (options) =>
    withBenchProject('workflows: []\n', async (project) => {
      const place = { cwd: project.folder, env: project.env };
      const taken = await alternate(
        {
          version: () => timedDstack(project, '--version'),
          node: () => timed([process.execPath, '-e', '0'], place),
          status: () => timedDstack(project, 'status', '--json'),
        },
        rounds(options, 40),
      );
      const against = { what: '`node -e 0`', values: taken.node };
      return [
        rowOf({
          what: '`dstack --version`',
          unit: 'ms',
          measured: taken.version,
          against,
          aim: atMostTimes(1.5),
        }),
        rowOf({
          what: '`dstack status --json`, an empty project',
          unit: 'ms',
          measured: taken.status,
          against,
          aim: atMostTimes(3),
        }),
      ];
    }),
};
