import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import type Docker from 'dockerode';
import type { ExecutionIdentity, ExecutionSpec, HomeFolder, Mount } from './executor.ts';
import type { Launch } from './launch.ts';
import { shellLauncher, shellScript } from './shell.ts';

/** Where a job finds its workspace. */
export const containerWorkspace = '/workflow';

/** By these a container is known as a job's. */
export const identityLabels = {
  runner: 'dstack.runner',
  run: 'dstack.run',
  job: 'dstack.job',
  attempt: 'dstack.attempt',
  nonce: 'dstack.nonce',
  starter: 'dstack.starter',
} as const;

/** One that no other container has; known before the container is there, so that a watchdog can be told of it. */
export function containerName({ run, job, attempt }: ExecutionIdentity): string {
  return `dstack-${run}-${job}-${attempt}-${randomBytes(4).toString('hex')}`.replace(/[^\w.-]/g, '_');
}

/**
 * What Docker is asked for to run a job.
 * @param place.workingDir relative to the workspace, links resolved
 * @param place.launch.mark what the shell begins with, to show that an entrypoint has started it
 * @param place.home that of the image's user; only needed where something of the job's lies below it
 */
export function jobContainer(
  spec: ExecutionSpec,
  place: {
    name: string;
    image: string;
    workingDir: string;
    starter: string;
    launch: Launch & { readonly mark: string };
    home?: string;
  },
): Docker.ContainerCreateOptions {
  const workingDir = path.posix.join(containerWorkspace, place.workingDir);
  return {
    name: place.name,
    Image: place.image,
    ...startOf(spec, place.launch, workingDir),
    Env: [
      ...Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
      'TINI_KILL_PROCESS_GROUP=1',
      ...(spec.gpus === null ? [noGpus] : []),
    ],
    WorkingDir: place.launch.folder ?? workingDir,
    Labels: labelsOf(spec.identity, place.starter),
    ...(waitsForWord(spec) ? { AttachStdin: true, OpenStdin: true, StdinOnce: true } : {}),
    Healthcheck: { Test: ['NONE'] },
    ExposedPorts: Object.fromEntries(
      [...spec.ports, ...(spec.rendezvous ? [spec.rendezvous.port] : [])].map((port) => [`${port}/tcp`, {}]),
    ),
    HostConfig: {
      ...limitsOf(spec),
      // Reached from this machine alone, at whatever port is free there.
      PortBindings: {
        ...Object.fromEntries(
          spec.ports.map((port) => [`${port}/tcp`, [{ HostIp: '127.0.0.1', HostPort: '' }]]),
        ),
        ...rendezvousOf(spec),
      },
      Mounts: [
        workspaceMount(spec.workspace),
        ...(spec.home ?? []).map((one) => homeMount(place.home ?? '/', one)),
        ...(spec.access?.mounts ?? []).map(grantedMount),
      ],
      ...(spec.access?.network ? { NetworkMode: spec.access.network } : {}),
      Init: true, // Reaps what is left lying about, and passes signals on.
      SecurityOpt: ['no-new-privileges'],
      CapDrop: ['ALL'],
      CapAdd: [...new Set([...usualCapabilities, ...(spec.access?.capabilities ?? [])])],
      LogConfig: { Type: 'none', Config: {} }, // The runner keeps the log; no need to have it twice.
    },
  };
}

/**
 * Images made for CUDA ask for all GPUs by this variable, and get them where NVIDIA's runtime is Docker's usual one,
 * whoever has them. Last of all, so that a workflow's own doesn't count. With a device request Docker sets it.
 */
const noGpus = 'NVIDIA_VISIBLE_DEVICES=void';

/** The shell, within the entrypoint if there is one: then it shows that it has begun, and goes where the job begins. */
function startOf(
  spec: ExecutionSpec,
  { entrypoint, mark }: Launch & { readonly mark: string },
  workingDir: string,
): Pick<Docker.ContainerCreateOptions, 'Entrypoint' | 'Cmd'> {
  const begin = `${waitsForWord(spec) ? waiting : ''}${preamble}`;
  const script = shellScript(spec.commands);
  if (entrypoint.length === 0) {
    return { Entrypoint: ['/bin/sh', '-c', `${begin}${shellLauncher}`, 'sh'], Cmd: [script] };
  }
  return {
    Entrypoint: [...entrypoint],
    Cmd: ['/bin/sh', '-c', `${begin}${mark}cd "$2" || exit; ${shellLauncher}`, 'sh', script, workingDir],
  };
}

/**
 * What root in a container needs to install packages and to become another user. Not what Docker gives beside it:
 * to make devices, packets of any kind, other root folders, capabilities of files, and lines of the audit log.
 */
const usualCapabilities = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETGID',
  'SETUID',
] as const;

/** Other machines know it by this port, so it is the same one inside and outside. */
function rendezvousOf({ rendezvous }: ExecutionSpec): Docker.PortMap {
  if (!rendezvous) return {};
  const { address, port } = rendezvous;
  return { [`${port}/tcp`]: [{ HostIp: isOwnAddress(address) ? address : '', HostPort: String(port) }] };
}

/** So many processes and threads are no job's, but a mistake's: they would take the machine down. */
const mostProcesses = 16_384;

function limitsOf({ limits: { cpu, memory, shmSize }, gpus }: ExecutionSpec): Docker.HostConfig {
  return {
    PidsLimit: mostProcesses,
    ...(cpu === null ? {} : { NanoCpus: Math.round(cpu * 1e9) }),
    // As much with swap as without: none.
    ...(memory === null ? {} : { Memory: memory, MemorySwap: memory }),
    ...(shmSize === null ? {} : { ShmSize: shmSize }),
    ...(gpus === null ? {} : { DeviceRequests: [{ DeviceIDs: [...gpus], Capabilities: [['gpu']] }] }),
  };
}

/**
 * Does the job's shell wait for a line, or the end, of its input before it does anything? Docker begins to watch a
 * container's memory only once it has started it: of what ran out before it would never hear.
 */
export function waitsForWord({ limits }: ExecutionSpec): boolean {
  return limits.memory !== null;
}

const waiting = 'read -r _; exec </dev/null; ';

/** Docker's init sends signals to the whole group if it is told so, which is not the job's business. */
const preamble = 'unset TINI_KILL_PROCESS_GROUP; exec 2>&1; ';

/** A container that gives everything in the workspace to one user of this machine. Links are not followed. */
export function ownershipContainer(
  workspace: string,
  owner: { image: string; uid: number; gid: number; labels: Record<string, string> },
): Docker.ContainerCreateOptions {
  return {
    Image: owner.image,
    User: '0:0',
    Entrypoint: ['chown', '-R', '-h', `${owner.uid}:${owner.gid}`, containerWorkspace],
    Cmd: [],
    Labels: owner.labels,
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      Mounts: [workspaceMount(workspace)],
      NetworkMode: 'none',
      CapDrop: ['ALL'],
      CapAdd: ['CHOWN', 'DAC_OVERRIDE'],
      UsernsMode: 'host', // The numbers are those of this machine.
      SecurityOpt: ['no-new-privileges'],
    },
  };
}

export function labelsOf(identity: ExecutionIdentity, starter: string): Record<string, string> {
  return {
    [identityLabels.runner]: identity.runner,
    [identityLabels.run]: identity.run,
    [identityLabels.job]: identity.job,
    [identityLabels.attempt]: String(identity.attempt),
    [identityLabels.nonce]: identity.nonce,
    [identityLabels.starter]: starter,
  };
}

/** Is the image's user root, for whom everything is writable? */
export function runsAsRoot(image: Docker.ImageInspectInfo): boolean {
  return /^(|0|root)(:|$)/.test(image.Config?.User ?? '');
}

function workspaceMount(workspace: string): Docker.MountSettings {
  return { Type: 'bind', Source: workspace, Target: containerWorkspace };
}

function homeMount(home: string, { folder, path: below }: HomeFolder): Docker.MountSettings {
  return { Type: 'bind', Source: folder, Target: path.posix.join(home, below) };
}

/** Without what is mounted within it: that would be writable also where this is read-only (Docker before 25). */
function grantedMount({ source, target, readOnly }: Mount): Docker.MountSettings {
  const BindOptions = { Propagation: 'rprivate' as const, NonRecursive: true };
  return { Type: 'bind', Source: source, Target: target, ReadOnly: readOnly, BindOptions };
}

/** Is this one of the addresses of this machine, at which something can listen? */
function isOwnAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address));
}
