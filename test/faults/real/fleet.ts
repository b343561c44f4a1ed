import { setTimeout as sleep } from 'node:timers/promises';
import type { RunnerProcess } from '../../e2e/project.ts';
import { type Arena, lease } from './arena.ts';
import { signal, uptime } from './processes.ts';

/** A time, in seconds since the boot, in which a runner could not act. */
export interface Halt {
  readonly runner: string;
  readonly from: number;
  to: number;
}

/** Some runners under fixed names: each is one process at a time, started again when it was killed. */
export interface Fleet {
  readonly names: readonly string[];
  /** The process of a runner, if there is one. */
  processOf(name: string): RunnerProcess | null;
  kill(name: string): void;
  isHalted(name: string): boolean;
  halt(name: string): void;
  goOn(name: string): void;
  readonly halts: readonly Halt[];
  /** Starts those that are not there. */
  complete(): void;
  /** SIGTERM to all, and waits for them. */
  leave(): Promise<void>;
  /** Ends of runners that nobody asked for. */
  readonly deaths: readonly string[];
}

/** A stale lock on its card it names, and ends. */
const findsLock = /error: .*\.lock': File exists.*stale \*\.lock/is;
/** If the repository is away, it may say so and end when it starts. */
const startsWithoutContact =
  /error: .*(can't be used|does not answer|unreachable|could not read|not a git repository|no Git repository at)/is;

/** A runner that has been told to leave has this time for it. */
const leaveMs = 60_000;

export function openFleet(arena: Arena, names: readonly string[]): Fleet {
  const running = new Map<string, RunnerProcess>();
  const expected = new Set<RunnerProcess>();
  const halted = new Map<string, Halt>();
  const halts: Halt[] = [];
  const deaths: string[] = [];

  const start = (name: string) => {
    const args = ['--poll', '300ms', '--concurrency', '2'];
    const runner = arena.project.startRunner(name, args, arena.env);
    running.set(name, runner);
    const began = uptime();
    void runner.exited.then((how) => {
      if (running.get(name) === runner) running.delete(name);
      const inOutage = arena.lastCutAt() >= began && startsWithoutContact.test(runner.output());
      if (!expected.has(runner) && !inOutage && !findsLock.test(runner.output()))
        deaths.push(`${name} ended by itself (${how}): ${runner.output()}`);
    });
  };
  const fleet: Fleet = {
    names,
    halts,
    deaths,
    processOf: (name) => running.get(name) ?? null,
    isHalted: (name) => halted.has(name),
    kill(name) {
      const runner = running.get(name);
      if (!runner) return;
      expected.add(runner);
      runner.kill('SIGKILL');
      running.delete(name);
      fleet.goOn(name);
    },
    halt(name) {
      const runner = running.get(name);
      if (!runner || halted.has(name) || !signal(runner.pid, 'SIGSTOP')) return;
      const halt = { runner: name, from: uptime(), to: Number.POSITIVE_INFINITY };
      halted.set(name, halt);
      halts.push(halt);
    },
    goOn(name) {
      const halt = halted.get(name);
      if (!halt) return;
      const runner = running.get(name);
      if (runner) signal(runner.pid, 'SIGCONT');
      halt.to = uptime();
      halted.delete(name);
    },
    complete() {
      for (const name of names) if (!running.has(name)) start(name);
    },
    async leave() {
      const leaving = [...running.values()];
      for (const runner of leaving) {
        expected.add(runner);
        runner.kill('SIGTERM');
      }
      for (const runner of leaving) {
        const how = await Promise.race([runner.exited, sleep(leaveMs, 'it hangs', { ref: false })]);
        if (how === 'it hangs') runner.kill('SIGKILL');
        // Before it says so it has nothing to leave in order.
        const isThere = runner.output().includes('watching');
        if (how !== 0 && (isThere || how !== 'SIGTERM'))
          deaths.push(`${runner.name} did not leave in order (${how}): ${runner.output()}`);
      }
    },
  };
  return fleet;
}

/** Could the runner not freeze or end its job at this time? Then two attempts may overlap, which no lease prevents. */
export function couldNotAct(halts: readonly Halt[], runner: string, at: number): boolean {
  return halts.some((halt) => halt.runner === runner && at >= halt.from && at <= halt.to + lease);
}
