import type Docker from 'dockerode';
import { containerWorkspace, identityLabels } from './container.ts';
import { reclaimFromContainer, removeContainer } from './docker-cleanup.ts';
import { answerOf, connectDocker, explainDockerError } from './docker-client.ts';
import { startDockerJob } from './docker-job.ts';
import { endedExecution } from './executions.ts';
import type { Executor } from './executor.ts';
import { createImagePuller } from './image-puller.ts';
import { machineCapacity } from './machine-capacity.ts';
import { starterIsAlive } from './starter.ts';
import type { Watchdog } from './watchdog.ts';

export interface DockerExecutorOptions {
  /** For jobs that name no image. */
  defaultImage?: string | undefined;
  watchdog?: Watchdog | undefined;
}

/** Runs each job in a container of its own, through the Docker Engine at DOCKER_HOST or its usual socket. */
export function createDockerExecutor(options: DockerExecutorOptions = {}): Executor {
  const docker = connectDocker();
  const tools = { docker, puller: createImagePuller(docker), watchdog: options.watchdog };
  return {
    kind: 'docker',
    async check() {
      try {
        const { Version: version } = await answerOf(docker.version(), 10_000);
        return { ok: true, detail: `Docker ${version}` };
      } catch (error) {
        const { message, hint } = explainDockerError(error);
        return { ok: false, detail: message, ...(hint === undefined ? {} : { remedy: hint }) };
      }
    },
    async start(spec, events) {
      const image = spec.image ?? options.defaultImage;
      if (image !== undefined) return startDockerJob({ ...spec, image }, events, tools);
      const failure = `job ${spec.identity.job} names no image; set image in workflows.yaml`;
      return endedExecution({ exitCode: null, signal: null, failure });
    },
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

async function removeStray(docker: Docker, stray: Docker.ContainerInfo): Promise<void> {
  await removeContainer(docker, stray.Id);
  const workspace = stray.Mounts.find((mount) => mount.Destination === containerWorkspace)?.Source;
  if (workspace === undefined) return;
  const job = { image: stray.ImageID, labels: stray.Labels };
  // Whoever cleans the workspace up is told then what he can't remove; it may be gone already, too.
  await reclaimFromContainer(docker, workspace, job).catch(() => {});
}
