import { existsSync, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProject } from '../../e2e/project.ts';
import { withBenchProject } from '../bench-project.ts';
import { atMostTimes, type Benchmark, rowOf, scaled } from '../benchmark.ts';
import { tidy } from '../history-maker.ts';
import { commitFiles } from '../tree-of-files.ts';
import { workOffRuns } from '../worked-runs.ts';

const changed = 5;

export const disk: Benchmark = {
  name: 'disk',
  about: 'how large the shared repository gets',
  run: (options) =>
    withBenchProject('workflows: []\n', async (project) => {
      const files = scaled(options, 10_000, 100);
      const runs = scaled(options, 10_000, 100);
      await commitFiles(project, files);
      // The sync of the hook would only be at it beside what archives here.
      await project.git(['config', '--unset', 'dstack.command']);
      await workOffRuns(project, { count: runs, changed, say: options.say });
      await settled(project);
      const packed = await packOf(project, ['--all'], []);
      const code = await packOf(project, [], ['main', ...(await runCommits(project))]);
      const what = `the shared repository after ${runs.toLocaleString('en')} runs of a tree of ${files.toLocaleString('en')} files, ${changed} changed each`;
      const as = (state: string, bytes: number) => ({
        what: `${what}, ${state}`,
        unit: 'bytes' as const,
        measured: [bytes],
      });
      const found = as('as it lies', sizeOf(project.shared));
      tidy(project.shared);
      const after = as('after `git gc`', sizeOf(project.shared));
      const objects = { what: 'one pack of all that its refs lead to', values: [packed] };
      const snapshots = { what: 'one pack of the snapshots alone', values: [code] };
      return [
        rowOf({ ...found, against: objects, aim: atMostTimes(1.3) }),
        rowOf({ ...after, against: objects, aim: atMostTimes(1.3) }),
        // How much records, logs and the archive are beside them, which depends on what changes: here files of a kilobyte.
        rowOf({ ...after, against: snapshots }),
      ];
    }),
};

/** Runs that are archived have lost their refs; what keeps them names them as parents. */
async function runCommits(project: TestProject): Promise<string[]> {
  const base = await project.git(['rev-parse', 'main']);
  const globs = ['archive/keep', 'runs'].map((area) => `--glob=refs/dstack/${area}/*`);
  const lines = await project.git(['log', ...globs, '--format=%H %P']);
  return lines
    .split('\n')
    .flatMap((line) =>
      line.endsWith(` ${base}`) && line.split(' ').length === 2 ? [line.slice(0, base.length)] : [],
    );
}

/** Until what packs it by itself is over. */
async function settled({ shared }: TestProject): Promise<void> {
  for (let before = -1, size = sizeOf(shared); size !== before; size = sizeOf(shared)) {
    before = size;
    await sleep(3_000);
  }
}

/** How large a pack is of commits and all that they have. */
async function packOf(
  project: TestProject,
  which: readonly string[],
  revisions: readonly string[],
): Promise<number> {
  const prefix = path.join(project.root, `floor-${revisions.length}`);
  const input = revisions.map((revision) => `${revision}\n`).join('');
  const id = await project.git(['pack-objects', '--revs', ...which, '--quiet', prefix], { input });
  return ['pack', 'idx'].reduce(
    (sum, ending) => sum + lstatSync(`${prefix}-${id}.${ending}`).blocks * 512,
    0,
  );
}

/** What a folder takes on the disk; what goes away meanwhile, nothing. */
function sizeOf(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const file = path.join(folder, entry.name);
    const own = lstatSync(file, { throwIfNoEntry: false })?.blocks ?? 0;
    return sum + own * 512 + (entry.isDirectory() ? sizeOf(file) : 0);
  }, 0);
}
