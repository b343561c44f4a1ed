import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from '../../e2e/project.ts';
import { alternate } from '../alternate.ts';
import { quiet, timed, timedDstack, withBenchProject } from '../bench-project.ts';
import {
  absentRow,
  atMostTimes,
  type Benchmark,
  type BenchOptions,
  type Row,
  rounds,
  rowOf,
} from '../benchmark.ts';
import { newCommits } from '../new-commits.ts';

const image = 'dstack-test/busybox';
const aim = atMostTimes(1.5);

/** How a job is executed, and what does the same without dstack. */
interface Way {
  readonly executor: 'process' | 'docker';
  readonly workflows: string;
  readonly bare: string;
}

const ways: readonly Way[] = [
  {
    executor: 'process',
    workflows: 'workflows: [{name: noop, commands: ["true"]}]\n',
    bare: 'sh -c true',
  },
  {
    executor: 'docker',
    workflows: `workflows: [{name: noop, image: '${image}', commands: ["true"]}]\n`,
    bare: `docker run --rm ${image} true`,
  },
];

export const noop: Benchmark = {
  name: 'noop',
  about: 'how long a job that does nothing takes, from submitting it to its end on the screen',
  async run(options) {
    const rows: Row[] = [];
    for (const way of ways) rows.push(await oneJob(options, way));
    return rows;
  },
};

const whatOf = ({ executor }: Way) =>
  `a job that does nothing, \`dstack run\` in the foreground, hook-woken runner, ${executor}`;
const againstOf = ({ bare }: Way) => `\`${bare}\` and three bare \`git push\``;

async function oneJob(options: BenchOptions, way: Way): Promise<Row> {
  if (way.executor === 'docker' && !hasDocker())
    return absentRow(whatOf(way), againstOf(way), aim, 'there is no Docker here');
  return withBenchProject(way.workflows, (ours) =>
    withBenchProject('workflows: []\n', async (theirs) => {
      const runner = ours.startRunner('bench', ['--executor', way.executor]);
      await until('the card of the runner', async () => (await ours.refs('runners')).length > 0);
      const settled = async () => {
        await until('the end of the job before', async () => (await ours.refs('claims')).length === 0);
        await quiet(ours);
        await quiet(theirs);
      };
      const taken = await alternate(
        {
          async dstack() {
            await settled();
            return timedDstack(ours, 'run', 'noop', '--no-cache');
          },
          async bare(round) {
            await settled();
            const commits = await newCommits(theirs, 3);
            return timed(['sh', '-c', `set -e; ${bareScript(way)}`, 'sh', `bare-${round}`, ...commits], {
              cwd: theirs.folder,
              env: theirs.env,
            });
          },
        },
        rounds(options, 20),
      );
      runner.kill('SIGTERM');
      await runner.exited;
      return rowOf({
        what: whatOf(way),
        unit: 'ms',
        measured: taken.dstack,
        against: { what: againstOf(way), values: taken.bare },
        aim,
      });
    }),
  );
}

/** Submits, claims, does nothing, finishes: each push is heard by the hook, too. */
function bareScript({ bare }: Way): string {
  const push = (what: string) => `git push --quiet --no-verify ../shared.git ${what}`;
  return [
    push('$2:refs/dstack/runs/$1'),
    push('$3:refs/dstack/claims/$1/noop'),
    bare,
    push('--force-with-lease=refs/dstack/claims/$1/noop:$3 $4:refs/dstack/claims/$1/noop'),
  ].join('; ');
}

/** Is there a Docker here, with the image (which is made if it isn't there)? */
function hasDocker(): boolean {
  try {
    const build = fileURLToPath(new URL('../../../fixtures/images/build.sh', import.meta.url));
    execFileSync('docker', ['info'], { stdio: 'ignore' });
    execFileSync('sh', [build], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
