import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { connectDocker } from '../executor/docker-connection.ts';
import { type DockerFacts, readDockerFacts, whyNoGpus } from '../executor/docker-facts.ts';
import { listGpus } from '../executor/gpus.ts';
import { cacheFolder } from '../runner/folders.ts';
import { plainText } from '../terminal-text.ts';
import { formatBytes } from '../tui/duration.ts';
import { attempt, type Check } from './checks.ts';

/** What jobs need of the machine itself, with Docker or without. */
export async function checkMachine(withDocker: boolean): Promise<Check[]> {
  const facts = withDocker ? await readDockerFacts(connectDocker().docker).catch(() => null) : null;
  return [
    ...(await checkGpus(withDocker)),
    ...(facts ? [checkLimits(facts)] : []),
    ...(await Promise.all(foldersOf(facts).map(([what, folder]) => checkDisk(what, folder)))),
    await checkSharedMemory(),
    await checkClock(facts?.ahead ?? null),
  ];
}

async function checkGpus(withDocker: boolean): Promise<Check[]> {
  const { gpus, problem } = await listGpus();
  const names = gpus.map(({ name }) => plainText(name)).join(', ');
  if (gpus.length === 0 && problem === null)
    return [{ what: 'gpu', ok: null, detail: 'none found by nvidia-smi' }];
  const found: Check[] = [
    ...(gpus.length > 0 ? [{ what: 'gpu', ok: true, detail: names }] : []),
    ...(problem === null ? [] : [driverFault(problem)]),
  ];
  if (!withDocker || gpus.length === 0) return found;
  const ids = gpus.map(({ id }) => id);
  const tried = await attempt('gpu', async () => {
    const reason = await whyNoGpus(connectDocker().docker, ids);
    if (reason === undefined) return 'not tried in a container: there is no image here as yet';
    if (reason !== null) throw new Error(`containers don't get them: ${reason}`);
    return 'containers get them';
  });
  const remedy =
    'install the NVIDIA Container Toolkit (nvidia-ctk runtime configure --runtime=docker), then restart Docker';
  return [...found, tried.ok ? tried : { ...tried, remedy }];
}

function driverFault(problem: string): Check {
  const remedy = 'nvidia-smi says more; after an update of the driver the machine wants to be started anew';
  return { what: 'gpu', ok: false, detail: `nvidia-smi: ${problem}`, remedy };
}

/** Whether containers can be held to what their jobs ask for. Pure. */
export function checkLimits({ cgroups, rootless, cantLimit }: DockerFacts): Check {
  const version = cgroups === null ? 'control groups' : `control groups v${cgroups}`;
  if (cantLimit.length === 0) {
    return { what: 'limits', ok: true, detail: `${version}: CPUs, memory and processes of jobs are limited` };
  }
  return {
    what: 'limits',
    ok: false,
    detail: `${version}: Docker can't limit ${cantLimit.join(', ')}`,
    remedy: rootless
      ? 'delegate the controllers to your user: systemctl edit user@.service, [Service] Delegate=cpu cpuset io memory pids'
      : 'boot with cgroup_enable=memory, or with control groups v2 (systemd.unified_cgroup_hierarchy=1)',
  };
}

function foldersOf(facts: DockerFacts | null): [what: string, folder: string][] {
  const images = facts?.folder;
  return [
    ['disk', cacheFolder(process.env)],
    // Of a Docker elsewhere, or in a virtual machine, it isn't here.
    ...(images && existsSync(images) ? ([['images', images]] as [string, string][]) : []),
  ];
}

/** With less than that a job of any size can't begin. Bytes. */
const leastFree = 2 ** 30;

async function checkDisk(what: string, folder: string): Promise<Check> {
  const { bavail, blocks, bsize, files, ffree } = await statfs(nearest(folder));
  const free = bavail * bsize;
  // Some file systems have no fixed number of them, and say 0.
  const names = files > 0 && ffree < files / 100;
  return {
    what,
    ok: free >= leastFree && !names,
    detail: `${formatBytes(free)} of ${formatBytes(blocks * bsize)} are free for ${plainText(folder)}${names ? ', but hardly any inodes' : ''}`,
    remedy:
      what === 'images'
        ? 'docker system prune -a removes images and containers that nothing uses'
        : 'make room there, or set XDG_CACHE_HOME to a folder on a larger disk',
  };
}

/** What is there of a path. */
function nearest(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder));
}

/** What Docker gives a container that asks for no more. */
const usualInContainer = 64 * 2 ** 20;

/** Through it PyTorch's workers hand over their batches; a container's is as large as its job asks for. */
async function checkSharedMemory(): Promise<Check> {
  if (process.platform !== 'linux') return { what: 'shm', ok: null, detail: 'none on this system' };
  const remedy = 'sudo mount -t tmpfs -o size=50% tmpfs /dev/shm';
  return attempt('shm', async () => {
    const { blocks, bsize } = await statfs('/dev/shm');
    const size = blocks * bsize;
    if (size < usualInContainer)
      throw new Error(`/dev/shm has only ${formatBytes(size)} for plain processes`);
    return `${formatBytes(size)} in /dev/shm for plain processes; in a container what \`shm_size\` says, or 64MB`;
  }).then((check) => (check.ok ? check : { ...check, remedy }));
}

/** Milliseconds; more is a clock that stood, as those of virtual machines do that slept. */
const mostApart = 5_000;

/** Leases don't go by the clock, but times that people read do, and the signatures of a store in S3. */
async function checkClock(dockerAhead: number | null): Promise<Check> {
  const remedy = 'sudo timedatectl set-ntp true';
  if (dockerAhead !== null && Math.abs(dockerAhead) > mostApart) {
    const apart = `${Math.round(Math.abs(dockerAhead) / 1000)} s ${dockerAhead > 0 ? 'ahead of' : 'behind'} ours`;
    return { what: 'clock', ok: false, detail: `that of Docker is ${apart}`, remedy: 'restart Docker' };
  }
  const answer = await promisify(execFile)('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
    timeout: 5_000,
  }).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
  if (answer === 'yes') return { what: 'clock', ok: true, detail: 'set by a time server' };
  if (answer === 'no') return { what: 'clock', ok: false, detail: 'not set by a time server', remedy };
  return { what: 'clock', ok: null, detail: "whether a time server sets it can't be told here" };
}
