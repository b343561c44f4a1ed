import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import Docker from 'dockerode';
import { identityLabels } from '../../src/executor/container.ts';

const buildScript = fileURLToPath(new URL('../../fixtures/images/build.sh', import.meta.url));

/**
 * A connection to Docker with the test images built; undefined, with a reason printed, where there is no Docker.
 * @throws if there is none where CI promises it
 */
export async function dockerForTests(): Promise<Docker | undefined> {
  const docker = new Docker();
  try {
    await docker.ping();
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('CI has no Docker', { cause: error });
    console.log(`skipped: Docker does not answer (${(error as Error).message})`);
    return undefined;
  }
  execFileSync(buildScript, { stdio: ['ignore', 'ignore', 'inherit'] });
  return docker;
}

/** The containers of a job, running or not, with their state. */
export async function containersOf(docker: Docker, nonce: string): Promise<string[]> {
  const filters = { label: [`${identityLabels.nonce}=${nonce}`] };
  const containers = await docker.listContainers({ all: true, filters });
  return containers.map(({ Id, State }) => `container ${Id} ${State}`);
}

/** An image like another one, but for some instructions of a Dockerfile. To be removed by its id. */
export async function imageWith(docker: Docker, from: string, changes: string[]): Promise<string> {
  const container = await docker.createContainer({ Image: from, Cmd: ['true'] });
  try {
    const { Id: id } = await container.commit({ changes, pause: false });
    return id;
  } finally {
    await container.remove();
  }
}
