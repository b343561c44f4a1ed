import type Docker from 'dockerode';
import { answerOf, answerUnlessGone, explainDockerError } from './docker-client.ts';
import type { ExecutionSpec } from './executor.ts';

/** What Docker says of itself that jobs depend on. */
export interface DockerFacts {
  /** Version of control groups, `1` or `2`; null: it doesn't say. */
  readonly cgroups: string | null;
  readonly rootless: boolean;
  /** What of a job's `resources` it can't hold a container to. */
  readonly cantLimit: readonly ('CPUs' | 'memory' | 'processes')[];
  /** Can it tell what a container uses? Without control groups it tells of the machine. */
  readonly tellsUse: boolean;
  /** Where it keeps images and containers, on its machine. */
  readonly folder: string | null;
  /** How far its clock is ahead of ours, milliseconds. */
  readonly ahead: number | null;
}

interface Info {
  readonly CgroupVersion?: string;
  readonly CgroupDriver?: string;
  readonly MemoryLimit?: boolean;
  readonly CpuCfsQuota?: boolean;
  readonly CPUCfsQuota?: boolean;
  readonly PidsLimit?: boolean;
  readonly SecurityOptions?: readonly string[] | null;
  readonly DockerRootDir?: string;
  readonly SystemTime?: string;
}

/** @throws DstackError `docker-unavailable` */
export async function readDockerFacts(docker: Docker): Promise<DockerFacts> {
  const asked = Date.now();
  const info = (await answerOf(docker.info(), 10_000)) as Info;
  return factsOf(info, (asked + Date.now()) / 2);
}

/** @param now when it was asked, milliseconds since 1970. Pure. */
export function factsOf(info: Info, now: number): DockerFacts {
  const ahead = Date.parse(info.SystemTime ?? '') - now;
  return {
    cgroups: info.CgroupVersion ?? null,
    rootless: (info.SecurityOptions ?? []).some((option) => option.includes('rootless')),
    cantLimit: [
      ...((info.CpuCfsQuota ?? info.CPUCfsQuota) === false ? (['CPUs'] as const) : []),
      ...(info.MemoryLimit === false ? (['memory'] as const) : []),
      ...(info.PidsLimit === false ? (['processes'] as const) : []),
    ],
    tellsUse: info.CgroupDriver !== 'none',
    folder: info.DockerRootDir || null,
    ahead: Number.isNaN(ahead) ? null : ahead,
  };
}

/** What a job asks for that Docker can't hold its container to, as a line for people; null: nothing. Pure. */
export function notHeldTo(
  { cantLimit }: Pick<DockerFacts, 'cantLimit'>,
  { cpu, memory }: ExecutionSpec['limits'],
): string | null {
  const asked = [...(cpu === null ? [] : ['CPUs']), ...(memory === null ? [] : ['memory'])];
  const unheld = cantLimit.filter((what) => asked.includes(what));
  if (unheld.length === 0) return null;
  return `Docker can't limit ${unheld.join(' and ')} here, so this job may take more; \`dstack runner check\` says what to do`;
}

/**
 * Tries whether a container gets GPUs, by one that ends before it runs anything.
 * @returns null: it does; otherwise why not. Undefined: there is no image to try it with
 */
export async function whyNoGpus(docker: Docker, ids: readonly string[]): Promise<string | null | undefined> {
  const [image] = await answerOf(docker.listImages(), 10_000);
  if (!image) return undefined;
  const container = await answerOf(
    docker.createContainer({
      Image: image.Id,
      Entrypoint: [missingProgram],
      Cmd: [],
      HostConfig: {
        NetworkMode: 'none',
        DeviceRequests: [{ DeviceIDs: [...ids], Capabilities: [['gpu']] }],
      },
    }),
  );
  try {
    await answerOf(container.start());
    return null;
  } catch (error) {
    const { message } = explainDockerError(error);
    // It came as far as its program.
    return message.includes(missingProgram) ? null : message;
  } finally {
    await answerUnlessGone(container.remove({ force: true })).catch(() => {});
  }
}

const missingProgram = '/dstack-tries-whether-containers-get-gpus';
