import path from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type Docker from 'dockerode';
import tar from 'tar-stream';
import { runsAsRoot } from './container.ts';
import { removeContainer } from './docker-cleanup.ts';
import { answerOf, statusOf } from './docker-client.ts';
import type { HomeFolder } from './executor.ts';

/** Who a container of an image is inside, where his home is, and what is in it. */
export interface ImageUser {
  readonly home: string;
  readonly uid: number;
  readonly gid: number;
  /** Of the folders asked for, relative to the home, those that the image doesn't have; what is above comes first. */
  readonly missing: readonly string[];
}

/** More is no list of users. */
const mostBytes = 1 << 20;

/**
 * The user of an image's containers, as Docker finds him: the image names him, its /etc/passwd has his home, unless a
 * variable says where that is.
 * @param job its variables; its labels are those of a container that is made to look into the image
 * @param folders that are to be mounted below the home
 */
export async function imageUser(
  docker: Docker,
  image: Docker.ImageInspectInfo,
  { env, labels }: { env: Readonly<Record<string, string>>; labels: Record<string, string> },
  folders: readonly HomeFolder[],
): Promise<ImageUser> {
  const said = env.HOME ?? image.Config?.Env?.find((one) => one.startsWith('HOME='))?.slice('HOME='.length);
  const known = said !== undefined && path.posix.isAbsolute(said) ? path.posix.normalize(said) : null;
  // What Docker makes is root's.
  if (runsAsRoot(image)) return { home: known ?? '/root', uid: 0, gid: 0, missing: [] };
  const options = {
    Image: image.Id,
    Entrypoint: ['/bin/sh'],
    Cmd: [],
    Labels: labels,
    NetworkDisabled: true,
  };
  const container = await answerOf(docker.createContainer(options));
  try {
    const user = userIn(await readUsers(container), image.Config?.User ?? '');
    const home = known ?? user.home;
    const missing: string[] = [];
    if (await isInContainer(container, home)) {
      const parents = new Set(folders.flatMap(({ path: below }) => parentsOf(below)));
      for (const parent of [...parents].sort())
        if (!(await isInContainer(container, path.posix.join(home, parent)))) missing.push(parent);
    }
    return { ...user, home, missing };
  } finally {
    await removeContainer(docker, container.id);
  }
}

/**
 * @param passwd the text of /etc/passwd
 * @param named a name or number, and perhaps a group behind a colon; empty: root
 */
export function userIn(passwd: string, named: string): Pick<ImageUser, 'home' | 'uid' | 'gid'> {
  const [name = '', group] = named.split(':');
  const wanted = name === '' ? 'root' : name;
  const number = /^\d{1,9}$/.test(wanted) ? Number(wanted) : null;
  const rows = passwd.split('\n').map((line) => line.split(':'));
  const row = rows.find(([login, , uid]) => login === wanted || (number !== null && uid === wanted));
  const uid = numberOf(row?.[2]) ?? number ?? 0;
  const gid = numberOf(group) ?? numberOf(row?.[3]) ?? 0;
  const home = row?.[5];
  return { uid, gid, home: home?.startsWith('/') ? path.posix.normalize(home) : uid === 0 ? '/root' : '/' };
}

const numberOf = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;

/** The image's list of users; empty if there is none. */
async function readUsers(container: Docker.Container): Promise<string> {
  try {
    const archive = (await answerOf(container.getArchive({ path: '/etc/passwd' }))) as Readable;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const entry of archive.pipe(tar.extract())) {
      for await (const chunk of entry as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size <= mostBytes) chunks.push(chunk);
      }
    }
    return Buffer.concat(chunks).toString();
  } catch (error) {
    if (statusOf(error) === 404) return '';
    throw error;
  }
}

/**
 * Makes the folders between the user's home and what is mounted below it, as his own: those that Docker makes are root's,
 * and he could put nothing else there.
 * @param container created, not started
 */
export async function makeParents(
  container: Docker.Container,
  { home, uid, gid, missing }: ImageUser,
): Promise<void> {
  if (missing.length === 0) return;
  const pack = tar.pack();
  for (const name of missing) pack.entry({ name, type: 'directory', mode: 0o755, uid, gid });
  pack.finalize();
  await answerOf(container.putArchive(await buffer(pack), { path: home }));
}

/** `.cache/a/b` → `.cache`, `.cache/a`. */
function parentsOf(below: string): string[] {
  const parts = below.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

async function isInContainer(container: Docker.Container, file: string): Promise<boolean> {
  try {
    const answer = (await answerOf(container.infoArchive({ path: file }))) as Readable;
    answer.destroy(); // Without a body; unread, it would keep its connection, and the process, for ever.
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}
