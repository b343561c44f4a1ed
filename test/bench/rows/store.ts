import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProject } from '../../e2e/project.ts';
import { timed, timedDstack, withBenchProject } from '../bench-project.ts';
import {
  type Aim,
  absentRow,
  ahead,
  atMostTimes,
  type Benchmark,
  type BenchOptions,
  type Row,
  rounds,
  rowOf,
  scaled,
} from '../benchmark.ts';
import { type FileKeeper, fileKeepers } from '../peers/file-keepers.ts';

/** What is done with the data, in this order. */
const steps = ['first', 'again', 'changed', 'download'] as const;
type Step = (typeof steps)[number];
type Times = Record<Step, number[]>;

const words: Record<Step, string> = {
  first: 'first upload',
  again: 'second upload, unchanged',
  changed: 'upload, 2 % changed',
  download: 'download',
};
const floorAim: Partial<Record<Step, Aim>> = { first: atMostTimes(1.3), again: atMostTimes(0.1) };
const MB = 1 << 20;

interface DataSet {
  readonly what: string;
  readonly files: number;
  make(folder: string): void;
  /** Changes 2 % of it. */
  change(folder: string): void;
}

export const store: Benchmark = {
  name: 'store',
  about: 'how long artifacts take to be stored and fetched',
  async run(options) {
    const megabytes = scaled(options, 1024, 16);
    return [
      ...(await storing(options, oneFile(megabytes), 3)),
      ...(await storing(options, smallFiles(scaled(options, 1_000, 50)), 3)),
      ...(await storing(options, smallFiles(scaled(options, 25_000, 100)), 3)),
    ];
  },
};

function oneFile(megabytes: number): DataSet {
  return {
    what: `${megabytes} MB in one file`,
    files: 1,
    make(folder) {
      const file = openSync(path.join(folder, 'weights'), 'w');
      for (let written = 0; written < megabytes; written += 1) writeSync(file, randomBytes(MB));
      closeSync(file);
    },
    change(folder) {
      const file = openSync(path.join(folder, 'weights'), 'r+');
      const bytes = Math.round((megabytes * MB) / 50);
      writeSync(file, randomBytes(bytes), 0, bytes, Math.round((megabytes * MB) / 3));
      closeSync(file);
    },
  };
}

function smallFiles(files: number): DataSet {
  const write = (folder: string, index: number) => {
    const below = path.join(folder, String(index % 100));
    mkdirSync(below, { recursive: true });
    writeFileSync(path.join(below, `${index}.bin`), randomBytes(1000 + ((index * 7919) % 8000)));
  };
  return {
    what: `${files.toLocaleString('en')} small files`,
    files,
    make(folder) {
      for (let index = 0; index < files; index += 1) write(folder, index);
    },
    change(folder) {
      for (let index = 0; index < files; index += 50) write(folder, index);
    },
  };
}

async function storing(options: BenchOptions, data: DataSet, times: number): Promise<Row[]> {
  return withBenchProject('workflows: []\n', async (project) => {
    const folder = path.join(project.folder, 'data');
    const peers = fileKeepers(folder, path.join(project.root, 'peers'), project.env);
    const ours: Times = { first: [], again: [], changed: [], download: [] };
    const floor: Times = { first: [], again: [], changed: [], download: [] };
    const theirs = new Map<string, Times>();
    for (let round = 1; round <= rounds(options, times); round += 1) {
      options.say(`${data.what}, round ${round}`);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
      data.make(folder);
      // So that whoever syncs what he writes does not wait for this.
      spawnSync('sync');
      // Of what was written a moment ago nobody trusts the times.
      await sleep(3000);
      await byOurselves(project, data, folder, ours, floor);
      for (const peer of peers) {
        if (whyNot(peer, data) !== null) continue;
        const taken = theirs.get(peer.name) ?? { first: [], again: [], changed: [], download: [] };
        theirs.set(peer.name, taken);
        await byPeer(peer, data, taken);
      }
    }
    const what = (step: Step) => `${words[step]}, ${data.what}`;
    return steps.flatMap((step) => [
      rowOf({
        what: what(step),
        unit: 'ms',
        measured: ours[step],
        against: { what: '`sha256sum` and `cp -r`', values: floor[step] },
        ...(floorAim[step] && { aim: floorAim[step] }),
      }),
      ...peers.map((peer) => {
        const values = theirs.get(peer.name)?.[step];
        const aim = peer.name === 'rclone' ? undefined : ahead;
        if (!values)
          return absentRow(what(step), peer.name, aim ?? null, whyNot(peer, data) ?? 'not measured');
        return rowOf({
          what: what(step),
          unit: 'ms',
          measured: ours[step],
          against: { what: peer.name, values },
          ...(aim && { aim }),
        });
      }),
    ]);
  });
}

function whyNot({ absent, mostFiles }: FileKeeper, { files }: DataSet): string | null {
  if (absent !== null) return absent;
  return files > mostFiles ? 'takes too long for so many files' : null;
}

async function byOurselves(project: TestProject, data: DataSet, folder: string, ours: Times, floor: Times) {
  const own = path.join(project.folder, '.git/dstack');
  const copy = path.join(project.root, 'copy');
  const place = { cwd: project.folder, env: project.env };
  const remove = (...paths: string[]) => {
    for (const one of paths) rmSync(one, { recursive: true, force: true });
  };
  const upload = (name: string) =>
    timedDstack(project, 'artifacts', 'upload', 'data', 'data', '--local', '--name', name);
  const copying = async (from: string) => {
    remove(copy);
    const script = 'find "$1" -type f -print0 | xargs -0 sha256sum > ../sums; cp -r "$1" "$2"';
    return timed(['sh', '-ec', script, 'sh', from, copy], place);
  };
  remove(path.join(own, 'local.store'), path.join(own, 'known-files'), path.join(own, 'local.git'));
  ours.first.push(await upload('first'));
  floor.first.push(await copying(folder));
  ours.again.push(await upload('again'));
  floor.again.push(await copying(folder));
  data.change(folder);
  spawnSync('sync');
  await sleep(3000);
  ours.changed.push(await upload('changed'));
  floor.changed.push(await copying(folder));
  const got = path.join(project.root, 'got');
  remove(got);
  ours.download.push(await timedDstack(project, 'artifacts', 'download', 'changed', '-o', got));
  floor.download.push(await copying(got));
  remove(got, copy);
}

async function byPeer(peer: FileKeeper, data: DataSet, taken: Times): Promise<void> {
  peer.prepare();
  taken.first.push(await peer.keep());
  taken.again.push(await peer.keep());
  data.change(peer.data);
  taken.changed.push(await peer.keep());
  taken.download.push(await peer.giveBack());
}
