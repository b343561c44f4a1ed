import type { Duplex, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { DstackError } from '../errors.ts';
import { containerName, jobContainer, labelsOf, runsAsRoot, waitsForWord } from './container.ts';
import { demultiplex } from './demultiplex.ts';
import { reclaimFromContainer, removeContainer } from './docker-cleanup.ts';
import { answerOf } from './docker-client.ts';
import { createContainerControl } from './docker-control.ts';
import { causeOfDeath } from './docker-death.ts';
import { type DockerFacts, notHeldTo } from './docker-facts.ts';
import { readContainerUsage } from './docker-usage.ts';
import { cutShort, failureOf, resultOf } from './executions.ts';
import type { Execution, ExecutionEvents, ExecutionResult, ExecutionSpec } from './executor.ts';
import type { ImagePuller } from './image-puller.ts';
import { imageUser, makeParents } from './image-user.ts';
import { launchOf, watchLaunch } from './launch.ts';
import { ownStarter } from './starter.ts';
import type { Watchdog } from './watchdog.ts';
import { openToEveryone, resolveWorkingDir } from './workspace.ts';

/** How long after the end of its output a container may take to be seen as ended. */
const endMs = 10_000;
/** And an entrypoint that has not started the commands in time. */
const launchGraceMs = 10_000;

const endedByOthers = 'its container was ended by others: Docker was stopped, or somebody has ended it';

export interface DockerJobTools {
  docker: Docker;
  puller: ImagePuller;
  watchdog: Watchdog | undefined;
  isPodman(): Promise<boolean>;
  /** Null: they could not be had. */
  facts(): Promise<DockerFacts | null>;
  /** How long an entrypoint may take to start the commands, in milliseconds. */
  launchMs?: number | undefined;
}

/** Starts a job in a container of its own; everything happens behind `finished`. */
export function startDockerJob(
  spec: ExecutionSpec & { image: string },
  events: ExecutionEvents,
  tools: DockerJobTools,
): Execution {
  const { docker, puller, watchdog } = tools;
  const name = containerName(spec.identity);
  const starter = ownStarter();
  const labels = labelsOf(spec.identity, starter);
  const home = spec.home ?? [];
  /** What is the runner's again afterwards. */
  const ownFolders = [spec.workspace, ...home.map(({ folder }) => folder)];
  const stop = new AbortController();
  let reportLost = (_error: unknown) => {};
  const lost = new Promise<never>((_, reject) => {
    reportLost = reject;
  });
  lost.catch(() => {}); // It may come when nobody listens any more.
  const control = createContainerControl(reportLost, tools.isPodman);
  /** From the moment on that a container may be there, whatever Docker's answer. */
  let asked = false;
  let running: { readonly container: Docker.Container; readonly since: number } | null = null;

  let removal: Promise<void> | null = null;
  const remove = () => {
    removal ??= removeContainer(docker, name);
    return removal;
  };

  /** From nothing to the end of the commands. */
  async function runCommands(): Promise<ExecutionResult> {
    const { relative: workingDir } = resolveWorkingDir(spec.workspace, spec.workingDir);
    const tell = {
      progress: (line: string) => events.phase('pulling', line),
      notice: (line: string) => events.notice?.(line),
    };
    const { info: image, identity } = await puller.ensure(spec.image, tell, stop.signal);
    events.image?.(identity);
    const facts = await tools.facts();
    const unheld = facts && notHeldTo(facts, spec.limits);
    if (unheld) events.notice?.(unheld);
    if (!runsAsRoot(image)) for (const folder of ownFolders) await openToEveryone(folder);
    const user =
      home.length > 0 ? await imageUser(docker, image, { env: spec.env, labels }, home) : undefined;
    stop.signal.throwIfAborted();
    const launch = watchLaunch(launchOf(spec.entrypoint, image.Config), events.output, {
      limit: tools.launchMs,
      terminate: () => control.terminate(launchGraceMs),
    });
    const place = { name, image: image.Id, workingDir, starter, launch, ...(user && { home: user.home }) };
    const options = jobContainer(spec, place);
    asked = true;
    watchdog?.guard('container', name);
    const container = await answerOf(docker.createContainer(options));
    if (user) await makeParents(container, user);
    const waits = waitsForWord(spec);
    // Before the start, so that nothing is missed.
    const stream = (await answerOf(
      container.attach({ stream: true, stdin: waits, hijack: waits, stdout: true, stderr: true }),
    )) as Duplex;
    try {
      stop.signal.throwIfAborted();
      await answerOf(container.start());
      if (waits) stream.end('\n');
      control.started(container);
      launch.begin();
      running = { container, since: performance.now() };
      events.phase('running');
      if (spec.access?.network === 'host') for (const port of spec.ports) events.port(port, port);
      else if (spec.ports.length > 0) await tellPorts(container, events);
      const isWhole = await Promise.race([deliver(stream, launch.output), lost]);
      const state = await Promise.race([endOf(container), lost]);
      const endedAt = performance.now();
      await remove();
      const passed = (performance.now() - endedAt) / 1000;
      const cause = await causeOfDeath(docker, container.id, spec, state, passed);
      const outOfMemory = cause === 'out-of-memory';
      const result = containerResult(state, { outOfMemory, stopping: stop.signal.aborted });
      if (outOfMemory || stop.signal.aborted || result.failure !== null) return result;
      if (cause !== null && !control.isTerminated()) return { ...result, failure: endedByOthers, lost: true };
      // Of an output that was cut off, the word that the commands have begun may be missing.
      return { ...result, failure: isWhole ? launch.failure(state.ExitCode) : null };
    } finally {
      launch.end();
      stream.destroy();
    }
  }

  async function supervise(): Promise<ExecutionResult> {
    let result = await runCommands().catch((error) =>
      stop.signal.aborted && error === stop.signal.reason ? cutShort : failureOf(error),
    );
    control.ended();
    running = null;
    if (!asked) return result;
    try {
      await remove();
      watchdog?.release('container', name);
      const job = { image: spec.image, labels };
      for (const folder of ownFolders) await reclaimFromContainer(docker, folder, job);
    } catch (error) {
      result = { ...result, failure: result.failure ?? failureOf(error).failure };
    }
    return result;
  }

  const finished = supervise();
  return {
    finished,
    freeze: control.freeze,
    thaw: control.thaw,
    async stop(graceMs) {
      stop.abort();
      control.terminate(graceMs);
      await finished;
    },
    async usage() {
      const tellsUse = (await tools.facts())?.tellsUse ?? true;
      return tellsUse && running ? readContainerUsage(running.container, running.since) : null;
    },
  };
}

/** @returns false: the connection broke; what became of the container is looked up next */
async function deliver(stream: Readable, output: ExecutionEvents['output']): Promise<boolean> {
  try {
    for await (const chunk of demultiplex(stream)) output(chunk);
    return true;
  } catch {
    return false;
  }
}

async function tellPorts(container: Docker.Container, events: ExecutionEvents): Promise<void> {
  const { NetworkSettings: settings } = await answerOf(container.inspect());
  for (const [name, places] of Object.entries(settings.Ports ?? {})) {
    // Of a container that has ended already there are none.
    const at = places?.[0]?.HostPort;
    if (at) events.port(Number.parseInt(name, 10), Number(at));
  }
}

type ContainerState = Docker.ContainerInspectInfo['State'];

async function endOf(container: Docker.Container): Promise<ContainerState> {
  const deadline = performance.now() + endMs;
  for (;;) {
    const { State: state } = await answerOf(container.inspect());
    if (!state.Running) return state;
    if (performance.now() > deadline) {
      throw new DstackError('docker-lost', 'the connection to Docker broke while the job ran', {
        hint: 'see whether Docker was restarted there: docker info',
      });
    }
    await sleep(20);
  }
}

/** Docker gives a death by signal as exit code 128 + its number. */
function containerResult(
  { ExitCode: exitCode, Error: error }: ContainerState,
  { outOfMemory, stopping }: { outOfMemory: boolean; stopping: boolean },
): ExecutionResult {
  if (outOfMemory) return { exitCode, signal: null, failure: null, outOfMemory };
  if (error !== '') return { exitCode, signal: null, failure: `Docker: ${error}` };
  if (stopping && exitCode === 137) return resultOf(null, 'SIGKILL', stopping);
  return resultOf(exitCode, null, stopping);
}
