import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { DstackError } from '../errors.ts';
import { ownershipContainer } from './container.ts';
import { answerOf, statusOf } from './docker-client.ts';
import { reclaim } from './workspace.ts';

/** For how long a container's removal is tried again and waited for: Docker may be restarting. */
const removeMs = 15_000;
/** And then how often, for as long as this process lives. */
const laterMs = 3_000;

/**
 * Removes a container and its anonymous volumes, whatever its state; one that is not there is fine.
 * @throws DstackError if Docker doesn't do it in time; then it is done as soon as Docker answers again
 */
export async function removeContainer(docker: Docker, name: string): Promise<void> {
  const deadline = performance.now() + removeMs;
  for (;;) {
    try {
      await answerOf(docker.getContainer(name).remove({ force: true, v: true }));
      return;
    } catch (error) {
      if (statusOf(error) === 404) return;
      if (performance.now() > deadline) {
        void removeLater(docker, name);
        throw error;
      }
      await sleep(500); // Also where somebody else is removing it (409).
    }
  }
}

/** It may go on computing without Docker. Keeps no process alive: what that leaves, the next sweep finds. */
async function removeLater(docker: Docker, name: string): Promise<void> {
  for (;;) {
    await sleep(laterMs, undefined, { ref: false });
    try {
      await answerOf(docker.getContainer(name).remove({ force: true, v: true }));
      return;
    } catch (error) {
      if (statusOf(error) === 404) return;
    }
  }
}

/**
 * Makes the workspace this user's own again, after its container is gone. Who isn't root lets a container do it,
 * by the `chown` of the job's image.
 * @throws DstackError `foreign-files` if something stays another user's
 */
export async function reclaimFromContainer(
  docker: Docker,
  workspace: string,
  job: { image: string; labels: Record<string, string> },
): Promise<void> {
  if (!(await reclaim(workspace))) return;
  const said = await chownInContainer(docker, workspace, job);
  if (await reclaim(workspace)) {
    throw new DstackError('foreign-files', `files in ${workspace} belong to another user${said}`, {
      hint: `remove them by hand: sudo rm -rf ${workspace}`,
    });
  }
}

async function chownInContainer(
  docker: Docker,
  workspace: string,
  job: { image: string; labels: Record<string, string> },
): Promise<string> {
  const owner = await ownerInContainers(docker);
  let name: string | undefined;
  try {
    const container = await answerOf(
      docker.createContainer(ownershipContainer(workspace, { ...job, ...owner })),
    );
    name = container.id;
    await answerOf(container.start());
    // Changing many files takes its time.
    const { StatusCode } = await answerOf(container.wait(), 30 * 60_000);
    return StatusCode === 0 ? '' : `: chown ended with ${StatusCode}`;
  } catch (error) {
    return `: ${(error as Error).message}`;
  } finally {
    if (name !== undefined) await removeContainer(docker, name);
  }
}

/** Who this user is inside of a container: where Docker itself runs rootless, its root. */
async function ownerInContainers(docker: Docker): Promise<{ uid: number; gid: number }> {
  const info = (await answerOf(docker.info())) as { SecurityOptions?: string[] };
  if (info.SecurityOptions?.some((option) => option.startsWith('name=rootless'))) return { uid: 0, gid: 0 };
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
}
