import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestProject, until } from '../../e2e/project.ts';
import { type SlowLink, startSlowLink } from '../../transports/slow-link.ts';
import { hasSshd, sshLines, startSshd } from '../../transports/sshd.ts';
import { startFarRunner } from '../../transports/whole-run.ts';
import { withBenchProject } from '../bench-project.ts';
import {
  absentRow,
  atMostTimes,
  type Benchmark,
  type BenchOptions,
  type Row,
  rounds,
  rowOf,
  scaled,
} from '../benchmark.ts';
import { fillWithHistory } from '../history-store.ts';
import { cpuOf } from '../process-figures.ts';

const aim = atMostTimes(1.1);
const pollsEach = 20;

/** Whether a host lets Git say which version of its protocol it would like: Debian's sshd doesn't by itself. */
const hosts = {
  'whose sshd accepts GIT_PROTOCOL': ['AcceptEnv GIT_PROTOCOL'],
  'as Debian sets sshd up': [],
} as const;

export const idle: Benchmark = {
  name: 'idle',
  about: 'what a runner that has nothing to do costs, beside a long history',
  async run(options) {
    const many = scaled(options, 100_000, 200);
    const what = (host: string) =>
      `a poll of an idle runner over ssh, a host ${host}, ${many.toLocaleString('en')} finished runs in the repository`;
    if (!hasSshd) return [absentRow(what('with sshd'), 'the same with none', aim, 'there is no sshd here')];
    return withBenchProject('workflows: []\n', (long) =>
      withBenchProject('workflows: []\n', async (none) => {
        options.say(`making ${many} finished runs`);
        await fillWithHistory(long, many);
        const rows: Row[] = [];
        for (const [host, settings] of Object.entries(hosts)) {
          options.say(`a host ${host}`);
          const taken = await comparePolls(options, { long, none }, settings);
          const row = (figure: keyof Poll, unit: 'ms of CPU' | 'bytes') =>
            rowOf({
              what: what(host),
              unit,
              measured: taken.long.map((poll) => poll[figure]),
              against: { what: 'the same with none', values: taken.none.map((poll) => poll[figure]) },
              aim,
            });
          rows.push(row('cpu', 'ms of CPU'), row('bytes', 'bytes'));
        }
        return rows;
      }),
    );
  },
};

async function comparePolls(
  options: BenchOptions,
  projects: { long: TestProject; none: TestProject },
  settings: readonly string[],
): Promise<{ long: Poll[]; none: Poll[] }> {
  const [long, none] = [await watch(projects.long, settings), await watch(projects.none, settings)];
  const both = () => Promise.all([long.polls(pollsEach), none.polls(pollsEach)]);
  const taken = { long: [] as Poll[], none: [] as Poll[] };
  try {
    await both();
    // At the same time: whatever slows one of them down slows the other.
    for (let round = 0; round < rounds(options, 10); round += 1) {
      const polls = await both();
      taken.long.push(polls[0]);
      taken.none.push(polls[1]);
    }
  } finally {
    for (const one of [long, none]) await one.stop();
  }
  return taken;
}

/** What one costs, of several. */
interface Poll {
  /** Milliseconds, of the runner and what it starts. */
  readonly cpu: number;
  readonly bytes: number;
}

/** A runner that polls a project's repository through an sshd and a link of its own. */
async function watch(project: TestProject, settings: readonly string[]) {
  const sshd = await startSshd(mkdtempSync(path.join(project.root, 'sshd-')), { settings });
  const link: SlowLink = await startSlowLink(sshd.port);
  sshd.configure([
    ...sshLines({ ...sshd, port: link.port }),
    `HostKeyAlias [127.0.0.1]:${sshd.port}`,
    `IdentityFile ${sshd.key()}`,
  ]);
  const runner = startFarRunner(project, {
    ...sshd.env,
    TMPDIR: project.root,
    DSTACK_REMOTE: sshd.url(project.shared),
    DSTACK_RUNNER_LEASE: '10m',
    DSTACK_RUNNER_POLL: '300ms',
  });
  return {
    async polls(count: number): Promise<Poll> {
      const before = { cpu: cpuOf(runner.pid), calls: sshd.counts().commands };
      link.traffic();
      await until('polls', async () => {
        await sleep(20);
        return sshd.counts().commands >= before.calls + count;
      });
      const calls = sshd.counts().commands - before.calls;
      return { cpu: (cpuOf(runner.pid) - before.cpu) / calls, bytes: link.traffic().bytes / calls };
    },
    async stop() {
      runner.kill('SIGTERM');
      await runner.exited;
      await link.close();
      await sshd.stop();
    },
  };
}
