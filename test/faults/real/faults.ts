import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Arena, lease } from './arena.ts';
import type { Fleet } from './fleet.ts';
import { descendantsOf, isGit, listProcesses, type ProcessInfo, signal } from './processes.ts';
import type { Submitters } from './submitters.ts';

/** What goes wrong: each kind by its name, with how often it is drawn. */
type Faults = Readonly<Record<string, { weight: number; strike(): Promise<boolean> | boolean }>>;

export interface FaultProcess {
  /** How often each kind has struck. */
  readonly struck: Readonly<Record<string, number>>;
  /** Nothing more goes wrong, and what was cut off or halted is back. */
  stop(): Promise<void>;
}

/** Strikes again and again, at what `random` draws; in real time, so that the same draws may hit something else. */
export function strike(
  place: { arena: Arena; fleet: Fleet; submitters: Submitters },
  random: () => number,
  note: (text: string) => void,
): FaultProcess {
  const { arena, fleet, submitters } = place;
  const { project } = arena;
  const struck: Record<string, number> = {};
  const mending = new Set<Promise<void>>();
  let stopped = false;
  const pick = <T>(all: readonly T[]): T | undefined => all[Math.floor(random() * all.length)];
  const between = (from: number, to: number) => from + random() * (to - from);
  /** Mends later, or at once when it is all over. */
  const later = (seconds: number, mend: () => Promise<void> | void) => {
    const until = performance.now() + seconds * 1000;
    const done = (async () => {
      while (!stopped && performance.now() < until) await sleep(50);
      await mend();
    })();
    mending.add(done);
    void done.finally(() => mending.delete(done));
  };

  const faults: Faults = {
    'kill a runner': {
      weight: 4,
      strike() {
        const name = pick(fleet.names.filter((one) => fleet.processOf(one)));
        if (name === undefined) return false;
        fleet.kill(name);
        later(between(0, 1.5 * lease), () => fleet.complete());
        return true;
      },
    },
    'halt a runner for longer than its lease': {
      weight: 2,
      strike() {
        const name = pick(fleet.names.filter((one) => fleet.processOf(one) && !fleet.isHalted(one)));
        if (name === undefined) return false;
        fleet.halt(name);
        later(between(1.2 * lease, 2.2 * lease), () => fleet.goOn(name));
        return true;
      },
    },
    'kill a Git of a runner': {
      weight: 4,
      async strike() {
        const name = pick(fleet.names.filter((one) => fleet.processOf(one)));
        const runner = name === undefined ? null : fleet.processOf(name);
        const wait = between(0, 10);
        if (!runner) return false;
        const git = pick(await soon(() => descendantsOf(runner.pid).filter(isGit)));
        await sleep(wait);
        return git !== undefined && signal(git.pid, 'SIGKILL');
      },
    },
    'kill a receive-pack': {
      weight: 4,
      async strike() {
        const wait = between(0, 15);
        const packs = await soon(() =>
          listProcesses().filter(
            (one) =>
              /receive-pack/.test(one.command) &&
              !/daemon/.test(one.command) &&
              one.command.includes(project.root),
          ),
        );
        await sleep(wait);
        const pack = pick(packs);
        return pack !== undefined && signal(pack.pid, 'SIGKILL');
      },
    },
    'kill a receive-pack between two refs': {
      weight: 4,
      strike() {
        arena.arm(random() < 0.5 ? 'prepared' : 'committed');
        return true;
      },
    },
    'kill a command': {
      weight: 4,
      async strike() {
        const withChildren = random() < 0.5;
        const wait = between(0, 400);
        await sleep(wait);
        const pid = pick(submitters.running());
        if (pid === undefined) return false;
        submitters.kill(pid, withChildren);
        return true;
      },
    },
    'kill a container': {
      weight: arena.docker ? 1 : 0,
      strike() {
        const id = pick(containersOf(fleet.names));
        if (id === undefined) return false;
        execFile('docker', ['kill', id], () => {});
        return true;
      },
    },
    'kill a job': {
      weight: 1,
      strike() {
        const lines = evidenceLines(arena).filter((line) => line.startsWith('begin '));
        const pid = Number(pick(lines.slice(-4))?.split(' ')[4]);
        return Number.isInteger(pid) && signal(pid, 'SIGKILL');
      },
    },
    'cut the repository off': {
      weight: 2,
      strike() {
        if (arena.isCutOff()) return false;
        const restore = arena.cutOff(random() < 0.5 ? 'rename' : 'server');
        later(random() < 0.5 ? between(0.1, 0.6) * lease : between(1.1, 2) * lease, restore);
        return true;
      },
    },
    'collect garbage': {
      weight: 2,
      async strike() {
        const how = [
          ['gc', '--quiet'],
          ['repack', '-adq'],
          ['pack-refs', '--all', '--prune'],
        ];
        await project
          .git(pick(how) as string[])
          .catch((error: unknown) => note(`  ${(error as Error).message}`));
        return true;
      },
    },
    // Git's own manual: `--prune=now` corrupts a repository that is being written to. So nobody writes meanwhile.
    'collect all garbage at a quiet time': {
      weight: 1,
      async strike() {
        if (arena.isCutOff()) return false;
        const restore = arena.cutOff('rename');
        const away = `${project.shared}.away`;
        const isWriter = (one: ProcessInfo) => isGit(one) && one.command.includes(project.shared);
        while (listProcesses().some((one) => isWriter(one) && !/cat-file|daemon/.test(one.command)))
          await sleep(20);
        await project
          .git(['gc', '--quiet', '--prune=now'], { cwd: away })
          .catch((error: unknown) => note(`  ${(error as Error).message}`));
        await restore();
        return true;
      },
    },
  };

  const drawn = Object.entries(faults).flatMap(([kind, { weight }]) => Array<string>(weight).fill(kind));
  const striking = (async () => {
    while (!stopped) {
      await sleep(between(100, 1_200));
      const kind = pick(drawn) as string;
      if (stopped || !(await faults[kind]?.strike())) continue;
      struck[kind] = (struck[kind] ?? 0) + 1;
      note(kind);
    }
  })();
  return {
    struck,
    async stop() {
      stopped = true;
      await striking;
      while (mending.size > 0) await Promise.all(mending);
      for (const name of fleet.names) fleet.goOn(name);
    },
  };
}

/** Looks for a moment for what lives only for a moment. */
async function soon<T>(look: () => T[]): Promise<T[]> {
  for (let tries = 0; tries < 40; tries += 1) {
    const found = look();
    if (found.length > 0) return found;
    await sleep(10);
  }
  return [];
}

/** Ids of the containers of these runners' jobs, running or not. */
export function containersOf(runners: readonly string[]): string[] {
  const args = runners.flatMap((name) => ['--filter', `label=dstack.runner=${name}`]);
  // Docker takes several of one kind for alternatives only with some kinds: so one by one.
  return runners.flatMap((_, index) =>
    execFileSync('docker', ['ps', '--all', '--quiet', ...args.slice(2 * index, 2 * index + 2)], {
      encoding: 'utf8',
    })
      .split('\n')
      .filter(Boolean),
  );
}

/** What jobs have noted; see `work` in arena.ts. */
export function evidenceLines(arena: Arena): string[] {
  try {
    return readFileSync(arena.evidence, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
