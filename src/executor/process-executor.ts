import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { endedExecution, failureOf, maxTimerMs, resultOf } from './executions.ts';
import type { Execution, ExecutionEvents, ExecutionResult, ExecutionSpec, Executor } from './executor.ts';
import { jobEnvironment } from './job-environment.ts';
import { type JobGroup, jobGroup, jobHasEnded, killJob, signalJob } from './job-group.ts';
import { machineCapacity } from './machine-capacity.ts';
import { type OutputPipe, openOutputPipe } from './output-pipe.ts';
import { createJobMemory, type JobMemory } from './process-strays.ts';
import { shellLauncher, shellScript } from './shell.ts';
import { ownStarter } from './starter.ts';
import { guardOfGroup, type Watchdog } from './watchdog.ts';
import { reclaim, resolveWorkingDir } from './workspace.ts';

/** How long what a finished shell left running has to end by itself, and then after SIGTERM, in milliseconds. */
const lingerMs = 1_000;
const terminateMs = 2_000;

/** Runs jobs as plain processes of this machine: with its tools, as this user, without isolation. */
export function createProcessExecutor(options: { watchdog?: Watchdog | undefined } = {}): Executor {
  const memory = createJobMemory();
  return {
    kind: 'process',
    check: checkShell,
    start: (spec, events) => startProcess(spec, events, memory, options.watchdog),
    capacity: async () => machineCapacity(),
    async sweep(runner) {
      const strays = memory.strays(runner);
      await Promise.all(strays.map(killJob));
      for (const stray of strays) memory.forget(stray);
      return strays.length;
    },
    async close() {},
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

async function startProcess(
  spec: ExecutionSpec,
  events: ExecutionEvents,
  memory: JobMemory,
  watchdog: Watchdog | undefined,
): Promise<Execution> {
  let pipe: OutputPipe | undefined;
  try {
    const { absolute: cwd } = await resolveWorkingDir(spec.workspace, spec.workingDir);
    const starter = ownStarter();
    pipe = await openOutputPipe(events.output);
    const child = spawn('/bin/sh', ['-c', shellLauncher, 'sh', shellScript(spec.commands)], {
      cwd,
      env: jobEnvironment(process.env, spec, starter),
      stdio: ['ignore', pipe.writer, pipe.writer],
      detached: true, // Leader of a session and a group of its own.
    });
    const exited = exitOf(child);
    pipe.closeWriter();
    if (child.pid === undefined) await exited; // Rejects.
    const job = jobGroup(child.pid as number, spec.identity.nonce);
    watchdog?.guard('group', guardOfGroup(job));
    memory.remember(job, spec.identity.runner, starter);
    events.phase('running', spec.image === null ? undefined : 'as a plain process: its image is not used');
    for (const port of spec.ports) events.port(port, port);
    const release = () => {
      watchdog?.release('group', guardOfGroup(job));
      memory.forget(job);
    };
    return superviseProcess(job, exited, pipe, spec.workspace, release);
  } catch (error) {
    pipe?.destroy();
    return endedExecution(failureOf(error));
  }
}

type Exit = { exitCode: number | null; signal: NodeJS.Signals | null };

/** Not 'close', which waits for everybody who holds the pipe. */
function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
    child.once('error', reject);
  });
}

function superviseProcess(
  job: JobGroup,
  exited: Promise<Exit>,
  pipe: OutputPipe,
  workspace: string,
  release: () => void,
): Execution {
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

  async function supervise(): Promise<ExecutionResult> {
    const { exitCode, signal } = await exited;
    const result = resultOf(exitCode, signal, stopping);
    const lingerUntil = performance.now() + lingerMs;
    if (!(await jobHasEnded(job, () => Math.min(killAt, lingerUntil)))) terminate(terminateMs);
    const allEnded = (await jobHasEnded(job, () => killAt)) || (await killJob(job));
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
  };
}
