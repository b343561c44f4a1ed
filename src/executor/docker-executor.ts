import path from 'node:path';
import type Docker from 'dockerode';
import type { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { containerWorkspace, identityLabels } from './container.ts';
import { reclaimFromContainer, removeContainer } from './docker-cleanup.ts';
import { answerOf, explainDockerError } from './docker-client.ts';
import { connectDocker, type DockerConnection } from './docker-connection.ts';
import { type DockerFacts, readDockerFacts } from './docker-facts.ts';
import { startDockerJob } from './docker-job.ts';
import { endedExecution, failureOf } from './executions.ts';
import type { Executor } from './executor.ts';
import { createImagePuller, type TagAges } from './image-puller.ts';
import { machineCapacity } from './machine-capacity.ts';
import { starterIsAlive } from './starter.ts';
import type { Watchdog } from './watchdog.ts';

export interface DockerExecutorOptions {
  /** For jobs that name no image. */
  defaultImage?: string | undefined;
  watchdog?: Watchdog | undefined;
  /** How long an image's entrypoint may take to start the commands, in milliseconds. */
  launchMs?: number | undefined;
  /** How long what a registry has said of a tag counts; unless given, for some minutes. */
  tagAges?: TagAges | undefined;
}

/** Runs each job in a container of its own, through the Docker Engine that `docker` itself would use. */
export function createDockerExecutor(options: DockerExecutorOptions = {}): Executor {
  try {
    return executorFor(connectDocker(), options);
  } catch (error) {
    return withoutDocker(explainDockerError(error));
  }
}

function executorFor({ docker, place, isUsual }: DockerConnection, options: DockerExecutorOptions): Executor {
  const { watchdog, launchMs } = options;
  let podman: Promise<boolean> | undefined;
  const isPodman = () => {
    podman ??= answerOf(docker.version(), 10_000).then(
      (version) => podmanOf(version) !== null,
      () => false,
    );
    return podman;
  };
  let known: Promise<DockerFacts | null> | undefined;
  const facts = () => {
    known ??= readDockerFacts(docker).catch(() => {
      known = undefined;
      return null;
    });
    return known;
  };
  const puller = createImagePuller(docker, options.tagAges);
  const tools = { docker, puller, watchdog, isPodman, facts, launchMs };
  return {
    kind: 'docker',
    async check() {
      try {
        const version = await answerOf(docker.version(), 10_000);
        return { ok: true, detail: `${nameOf(version)} at ${place}` };
      } catch (error) {
        const explained = explainDockerError(error);
        return unusable(explained, isUsual ? explained.message : `${explained.message} at ${place}`);
      }
    },
    async start(spec, events) {
      const image = spec.image ?? options.defaultImage;
      if (image !== undefined) return startDockerJob({ ...spec, image }, events, tools);
      const failure = `job ${spec.identity.job} names no image; set image in workflows.yaml`;
      return endedExecution({ exitCode: null, signal: null, failure });
    },
    imageNow: tools.puller.now,
    async capacity() {
      const info = (await answerOf(docker.info())) as { NCPU?: number; MemTotal?: number };
      const { cpu, memory } = machineCapacity();
      return { cpu: Math.min(cpu, info.NCPU || cpu), memory: Math.min(memory, info.MemTotal || memory) };
    },
    async sweep(runner) {
      const label = [`${identityLabels.runner}=${runner}`];
      const containers = await answerOf(docker.listContainers({ all: true, filters: { label } }));
      const strays = containers.filter((container) => {
        const starter = container.Labels[identityLabels.starter];
        return starter !== undefined && !starterIsAlive(starter);
      });
      await Promise.all(strays.map((stray) => removeStray(docker, stray)));
      return strays.length;
    },
    async close() {},
  };
}

/** Where what is configured can't be understood, or names what isn't there: nobody is harmed who needs no Docker. */
function withoutDocker(error: DstackError): Executor {
  return {
    kind: 'docker',
    check: async () => unusable(error, error.message),
    start: async () => endedExecution(failureOf(error)),
    capacity: async () => machineCapacity(),
    sweep: async () => 0,
    close: async () => {},
  };
}

function unusable({ hint }: DstackError, detail: string) {
  return { ok: false, detail, ...(hint === undefined ? {} : { remedy: hint }) };
}

/** Podman answers in Docker's words. */
function podmanOf({ Components: components = [] }: Docker.DockerVersion): string | null {
  return components.find(({ Name: name }) => name === 'Podman Engine')?.Version ?? null;
}

function nameOf(version: Docker.DockerVersion): string {
  const podman = podmanOf(version);
  return plainText(podman === null ? `Docker ${version.Version}` : `Podman ${podman}`);
}

async function removeStray(docker: Docker, stray: Docker.ContainerInfo): Promise<void> {
  await removeContainer(docker, stray.Id);
  const workspace = stray.Mounts.find((mount) => mount.Destination === containerWorkspace)?.Source;
  if (workspace === undefined) return;
  const job = { image: stray.ImageID, labels: stray.Labels };
  // What lies beside the workspace is the job's own as well; other mounts are the machine's.
  const beside = `${path.dirname(workspace)}/`;
  for (const { Type, Source } of stray.Mounts) {
    if (Type !== 'bind' || !Source?.startsWith(beside)) continue;
    // Whoever cleans up is told then what he can't remove; it may be gone already, too.
    await reclaimFromContainer(docker, Source, job).catch(() => {});
  }
}
