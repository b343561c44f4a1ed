import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Child, type ChildSpec, type Exit, startChild } from './children.ts';
import { endedExecution, failureOf, maxTimerMs, resultOf } from './executions.ts';
import type { Execution, ExecutionEvents, ExecutionResult, ExecutionSpec, Executor } from './executor.ts';
import { jobEnvironment } from './job-environment.ts';
import { type JobGroup, jobHasEnded, killBearers, killJob, signalJob } from './job-group.ts';
import { machineCapacity } from './machine-capacity.ts';
import { type OutputPipe, type OutputPipes, openOutputPipes } from './output-pipe.ts';
import { createJobMemory, type JobMemory } from './process-strays.ts';
import { openProcessMeter, type ProcessMeter } from './process-usage.ts';
import { shellLauncher, shellScript } from './shell.ts';
import { openSpawner, type Spawner, type SpawnerOptions } from './spawner.ts';
import { ownStarter } from './starter.ts';
import { guardOfGroup, type Watchdog } from './watchdog.ts';
import { reclaim, resolveWorkingDir } from './workspace.ts';

/** How long what a finished shell left running has to end by itself, and then after SIGTERM, in milliseconds. */
const lingerMs = 1_000;
const terminateMs = 2_000;
const guardedAfterMs = 50;

/**
 * Runs jobs as plain processes of this machine: with its tools, as this user, without isolation.
 * @param options.folder a folder that is there when a job starts, and cleared by whoever comes after this process
 * @param options.spawner how to have many short jobs started by a process of its own, where there are some
 */
export function createProcessExecutor(
  options: {
    watchdog?: Watchdog | undefined;
    folder?: string | undefined;
    spawner?: SpawnerOptions | undefined;
  } = {},
): Executor {
  const memory = createJobMemory();
  const pipes = openOutputPipes(options.folder);
  const spawner = options.spawner ? openSpawner(options.spawner) : null;
  const tools: Tools = {
    memory,
    pipes,
    spawner,
    watchdog: options.watchdog,
    meter: openProcessMeter(),
    // Each look into Node's own asks the system.
    host: { ...process.env },
  };
  return {
    kind: 'process',
    check: checkShell,
    start: (spec, events) => startProcess(spec, events, tools),
    capacity: async () => machineCapacity(),
    async sweep(runner) {
      const strays = memory.strays(runner);
      await Promise.all(strays.map(killJob));
      for (const stray of strays) memory.forget(stray);
      return strays.length;
    },
    async close() {
      pipes.close();
      await spawner?.close();
    },
  };
}

async function checkShell(): Promise<{ ok: boolean; detail: string; remedy?: string }> {
  try {
    const child = spawn('/bin/sh', ['-c', shellLauncher, 'sh', ':'], { stdio: 'ignore' });
    const [exitCode] = await once(child, 'exit');
    if (exitCode === 0)
      return { ok: true, detail: 'jobs run as plain processes, with the tools of this machine' };
  } catch {
    // Told below.
  }
  return {
    ok: false,
    detail: '/bin/sh does not run',
    remedy: 'plain processes need a POSIX shell at /bin/sh',
  };
}

interface Tools {
  readonly memory: JobMemory;
  readonly pipes: OutputPipes;
  readonly spawner: Spawner | null;
  readonly watchdog: Watchdog | undefined;
  readonly meter: ProcessMeter;
  /** The runner's environment. */
  readonly host: NodeJS.ProcessEnv;
}

async function startProcess(
  spec: ExecutionSpec,
  events: ExecutionEvents,
  { memory, pipes, spawner, watchdog, meter, host }: Tools,
): Promise<Execution> {
  let pipe: OutputPipe | undefined;
  try {
    const { absolute: cwd } = resolveWorkingDir(spec.workspace, spec.workingDir);
    const starter = ownStarter();
    pipe = await pipes.open(events.output);
    const { nonce } = spec.identity;
    const asked = {
      script: shellScript(spec.commands),
      cwd,
      env: jobEnvironment(host, spec, starter),
      nonce,
    };
    const child =
      (await startElsewhere(spawner, watchdog, asked, pipe)) ?? (await startHere(watchdog, asked, pipe));
    pipe.closeWriter();
    const { job } = child;
    memory.remember(job, spec.identity.runner, starter);
    events.phase('running', spec.image === null ? undefined : 'as a plain process: its image is not used');
    for (const port of spec.ports) events.port(port, port);
    const release = () => {
      child.unguard();
      memory.forget(job);
    };
    return superviseProcess(child, pipe, spec.workspace, release, meter);
  } catch (error) {
    pipe?.destroy();
    return endedExecution(failureOf(error));
  }
}

/** A shell that is running, and what says that it needn't be guarded any more. */
type GuardedChild = Child & { unguard(): void };

/** It may run before its group is known: until that is guarded, whatever carries its nonce is. */
async function startHere(
  watchdog: Watchdog | undefined,
  asked: ChildSpec,
  pipe: OutputPipe,
): Promise<GuardedChild> {
  watchdog?.guard('nonce', asked.nonce);
  try {
    const child = await startChild(asked, pipe.writer);
    const id = guardOfGroup(child.job);
    watchdog?.guard('group', id);
    return { ...child, unguard: () => watchdog?.release('group', id) };
  } finally {
    watchdog?.release('nonce', asked.nonce);
  }
}

/** Whatever goes wrong, nothing is left running of which nobody knows. @returns null if it is to be started here */
async function startElsewhere(
  spawner: Spawner | null,
  watchdog: Watchdog | undefined,
  asked: ChildSpec,
  pipe: OutputPipe,
): Promise<GuardedChild | null> {
  try {
    const child = await spawner?.start(asked, pipe.writer);
    return child ? { ...child, unguard: guardSoon(watchdog, child.job) } : null;
  } catch (error) {
    await killBearers(asked.nonce);
    throw error;
  }
}

/** What the spawner guards the watchdog need not know at once, and of most short jobs not at all. */
function guardSoon(watchdog: Watchdog | undefined, job: JobGroup): () => void {
  const id = guardOfGroup(job);
  let isKnown = false;
  const timer = setTimeout(() => {
    isKnown = true;
    watchdog?.guard('group', id);
  }, guardedAfterMs);
  return () => {
    clearTimeout(timer);
    if (isKnown) watchdog?.release('group', id);
  };
}

function superviseProcess(
  { job, exited }: Child,
  pipe: OutputPipe,
  workspace: string,
  release: () => void,
  meter: ProcessMeter,
): Execution {
  const startedAt = performance.now();
  let ended = false;
  let stopping = false;
  /** By our own monotonic clock; infinite until it is to be stopped. */
  let killAt = Number.POSITIVE_INFINITY;
  const timers = new Set<NodeJS.Timeout>();

  function terminate(graceMs: number): void {
    if (graceMs > 0 && killAt === Number.POSITIVE_INFINITY) signalJob(job, 'SIGTERM');
    killAt = Math.min(killAt, performance.now() + graceMs);
    if (graceMs > 0) signalJob(job, 'SIGCONT');
    timers.add(setTimeout(() => signalJob(job, 'SIGKILL'), Math.min(graceMs, maxTimerMs)));
  }

  /** Its end can't be seen any more, so it is not to go on. */
  async function endOfUnknown(error: Error): Promise<ExecutionResult & Pick<Exit, 'nothingLeft'>> {
    await killJob(job);
    return failureOf(error);
  }

  async function supervise(): Promise<ExecutionResult> {
    const { nothingLeft, ...exit } = await exited.catch(endOfUnknown);
    const result = { ...exit, ...resultOf(exit.exitCode, exit.signal, stopping), failure: exit.failure };
    const lingerUntil = performance.now() + lingerMs;
    let allEnded = nothingLeft || (await jobHasEnded(job, () => Math.min(killAt, lingerUntil)));
    if (!allEnded) {
      terminate(terminateMs);
      allEnded = (await jobHasEnded(job, () => killAt)) || (await killJob(job));
    }
    await pipe.drained();
    await reclaim(workspace);
    if (!allEnded) return { ...result, failure: `processes of group ${job.group} could not be killed` };
    release();
    return result;
  }

  const finished = supervise()
    .catch(failureOf)
    .finally(() => {
      ended = true;
      for (const timer of timers) clearTimeout(timer);
    });
  return {
    finished,
    async freeze() {
      if (!ended) signalJob(job, 'SIGSTOP');
    },
    async thaw() {
      if (!ended) signalJob(job, 'SIGCONT');
    },
    async stop(graceMs) {
      stopping = true;
      if (!ended) terminate(graceMs);
      await finished;
    },
    usage: async () => (ended ? null : meter.read(job.group, startedAt)),
  };
}
