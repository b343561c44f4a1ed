import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Arena, stepsOf } from './arena.ts';
import { signal } from './processes.ts';

/** People at work: they submit runs and stop some, each by a `dstack` of its own, and some of these are killed. */
export interface Submitters {
  /** Names of the runs that `dstack run` has acknowledged, with the workflow asked for. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Commands that are running now, by their pid. */
  running(): number[];
  /** How many commands were killed, and how many failed by themselves. */
  readonly counts: { killed: number; refused: number; stops: number };
  /** The first lines of what they said then. */
  readonly refusals: readonly string[];
  /** What no outage explains. */
  readonly violations: readonly string[];
  kill(pid: number, withChildren: boolean): void;
  /** Submits no more, and waits for the commands. */
  stop(): Promise<void>;
}

const dstack = fileURLToPath(new URL('../../../dist/dstack.js', import.meta.url));
const patienceMs = 90_000;

export function submitAll(arena: Arena, random: () => number, everyMs: number): Submitters {
  const acknowledged = new Map<string, string>();
  const children = new Map<number, { killed: boolean; ended: Promise<void> }>();
  const counts = { killed: 0, refused: 0, stops: 0 };
  const refusals: string[] = [];
  const violations: string[] = [];
  const kinds = Object.keys(stepsOf).filter((name) => arena.docker || !['boxed', 'crate'].includes(name));
  let stopped = false;
  // Who is killed leaves what he had in the temporary folder; this one goes with the project.
  const temporary = path.join(arena.project.root, 'tmp');
  mkdirSync(temporary);

  const command = (args: readonly string[], done: (stdout: string) => void) => {
    const child = spawn(process.execPath, [dstack, ...args], {
      cwd: arena.project.folder,
      env: { ...arena.project.env, ...arena.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const pid = child.pid as number;
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      stdout += more;
    });
    child.stderr.setEncoding('utf8').on('data', (more: string) => {
      stderr += more;
    });
    const ended = new Promise<void>((resolve) => {
      const tooLong = setTimeout(() => {
        violations.push(`dstack ${args.join(' ')} hangs: ${stderr}`);
        signal(-pid, 'SIGKILL');
      }, patienceMs);
      child.once('exit', (code) => {
        clearTimeout(tooLong);
        // Children that outlive a killed one may keep the pipe open.
        setTimeout(
          () => {
            if (code === 0) done(stdout);
            else if (children.get(pid)?.killed) counts.killed += 1;
            else {
              counts.refused += 1;
              refusals.push(/^error: .*/m.exec(stderr)?.[0] ?? `exit code ${code}: ${stderr}`);
            }
            if (/looks like a bug|\n {4}at /.test(stderr))
              violations.push(`dstack ${args.join(' ')}: ${stderr}`);
            children.delete(pid);
            resolve();
          },
          code === null ? 0 : 100,
        );
      });
    });
    children.set(pid, { killed: false, ended });
  };

  const submit = () => {
    const workflow = kinds[Math.floor(random() * kinds.length)] as string;
    const cache = random() < 0.2 ? [] : ['--no-cache'];
    command(['run', '--detach', workflow, ...cache], (stdout) => acknowledged.set(stdout.trim(), workflow));
  };
  const stopOne = () => {
    const runs = [...acknowledged.keys()].slice(-4);
    const run = runs[Math.floor(random() * runs.length)];
    if (run === undefined) return;
    const abort = random() < 0.4 ? ['--abort'] : [];
    command(['stop', run, '--yes', ...abort], () => {
      counts.stops += 1;
    });
  };
  const working = (async () => {
    while (!stopped) {
      if (children.size < 4) (random() < 0.8 ? submit : stopOne)();
      await sleep(everyMs * (0.3 + 1.4 * random()));
    }
  })();
  return {
    acknowledged,
    counts,
    refusals,
    violations,
    running: () => [...children.keys()],
    kill(pid, withChildren) {
      const child = children.get(pid);
      if (!child) return;
      child.killed = true;
      signal(withChildren ? -pid : pid, 'SIGKILL');
    },
    async stop() {
      stopped = true;
      await working;
      await Promise.all([...children.values()].map(({ ended }) => ended));
    },
  };
}
