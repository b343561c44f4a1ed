import type Docker from 'dockerode';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { answerOf, statusOf } from './docker-client.ts';
import type { ImageIdentity } from './executor.ts';
import { digestsOf, identityOf, isImageName, sourceOf } from './image-name.ts';
import { pullImage, pullNotices } from './image-pull.ts';
import { openImageTags } from './image-tags.ts';

/** An image that is here. */
export interface PresentImage {
  readonly info: Docker.ImageInspectInfo;
  readonly identity: ImageIdentity;
}

export interface ImagePuller {
  /**
   * The image, pulled if it isn't there or its tag points at another one by now. Jobs that need the same one share the
   * pull, which is given up when the last of them is aborted.
   * @param tell.progress called with one line for people, only while it is being pulled
   * @param tell.notice called with what belongs into the job's log
   * @throws DstackError if there is no such image or no way to it; the signal's reason when aborted
   */
  ensure(
    image: string,
    tell: { progress(line: string): void; notice(line: string): void },
    signal: AbortSignal,
  ): Promise<PresentImage>;
  /** Which image that would give now, without pulling it; null if that can't be told. Never throws. */
  now(image: string): Promise<ImageIdentity | null>;
}

/** How old an answer about a tag may be, in milliseconds. */
export interface TagAges {
  /** Of a job that is executed: its record says which image it was. */
  readonly execute: number;
  /** Of a job whose result is to be taken from the cache, where nobody would see that it is an old one. */
  readonly reuse: number;
}

const usualAges: TagAges = { execute: 10 * 60_000, reuse: 60_000 };

interface Pull {
  readonly done: Promise<void>;
  readonly listeners: Set<(line: string) => void>;
  readonly abort: AbortController;
}

export function createImagePuller(docker: Docker, ages = usualAges): ImagePuller {
  const pulls = new Map<string, Pull>();
  const tags = openImageTags(docker);

  function begin(image: string): Pull {
    const listeners: Pull['listeners'] = new Set();
    const abort = new AbortController();
    const tell = (line: string) => {
      for (const listener of listeners) listener(line);
    };
    const done = pullImage(docker, image, tell, abort.signal).finally(() => forget(image, pull));
    done.catch(() => {}); // Nobody may be waiting any more.
    const pull: Pull = { done, listeners, abort };
    pulls.set(image, pull);
    return pull;
  }

  function forget(image: string, pull: Pull): void {
    if (pulls.get(image) === pull) pulls.delete(image);
  }

  async function join(image: string, progress: (line: string) => void, signal: AbortSignal): Promise<void> {
    const pull = pulls.get(image) ?? begin(image);
    const listener = (line: string) => progress(line);
    pull.listeners.add(listener);
    listener(image);
    try {
      await unlessAborted(pull.done, signal);
    } finally {
      pull.listeners.delete(listener);
      if (pull.listeners.size === 0) {
        forget(image, pull);
        pull.abort.abort();
      }
    }
  }

  /**
   * An image that is here, as what its tag points at now.
   * @returns `movedTo`: that is another one, of which nothing is here
   */
  async function lookAt(
    image: string,
    info: Docker.ImageInspectInfo,
    maxAge: number,
  ): Promise<{ identity: ImageIdentity; movedTo: string | null; problem: string | null }> {
    const digests = digestsOf(image, info);
    const here = { identity: identityOf(image, info), movedTo: null, problem: null };
    // What was built or loaded here has no registry to ask; a digest stands for one image for ever.
    if (digests.length === 0 || sourceOf(image)?.pinned !== false) return here;
    const look = await tags.look(image, maxAge);
    if (look.digest === null) return { ...here, problem: look.problem };
    if (digests.includes(look.digest)) return { ...here, identity: identityOf(image, info, look.digest) };
    return { ...here, movedTo: look.digest };
  }

  return {
    async ensure(image, { progress, notice }, signal) {
      if (!isImageName(image)) {
        throw new DstackError(
          'bad-image',
          `${plainText(JSON.stringify(image))} is not the name of an image`,
          {
            hint: 'write it like ubuntu:24.04 or registry.example.com/team/image@sha256:…',
          },
        );
      }
      const info = await inspectImage(docker, image);
      if (info !== undefined) {
        const { identity, movedTo, problem } = await unlessAborted(lookAt(image, info, ages.execute), signal);
        if (problem !== null) notice(`the image is the ${image} that is here: ${cannotAsk(problem)}`);
        if (movedTo === null) return { info, identity };
        notice(`${image} has moved: ${identity.digest} → ${movedTo}`);
      }
      const notices = pullNotices(image, notice);
      const both = (line: string) => {
        progress(line);
        notices.progress(line);
      };
      await join(image, both, signal);
      notices.pulled();
      const pulled = await inspectImage(docker, image);
      if (pulled === undefined)
        throw new DstackError('image-missing', `image ${image} was pulled and is gone again`, {
          hint: 'something removes images on this machine, such as `docker system prune`: rerun the job',
        });
      const identity = identityOf(image, pulled);
      if (identity.digest !== null) tags.note(image, identity.digest);
      return { info: pulled, identity };
    },
    async now(image) {
      if (!isImageName(image)) return null;
      const source = sourceOf(image);
      try {
        const info = await inspectImage(docker, image);
        if (info !== undefined) {
          const { identity, movedTo } = await lookAt(image, info, ages.reuse);
          return movedTo === null ? identity : { digest: movedTo, id: null };
        }
        if (source === null) return null;
        const digest = source.pinned ? image.split('@')[1] : (await tags.look(image, ages.reuse)).digest;
        return { digest: digest ?? null, id: null };
      } catch {
        return null;
      }
    },
  };
}

const cannotAsk = (problem: string) => `its registry can't be asked whether it has moved (${problem})`;

async function inspectImage(docker: Docker, image: string): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await answerOf(docker.getImage(image).inspect());
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** Settles like the promise, or rejects as soon as the signal fires. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
