import bytes from 'bytes';
import type Docker from 'dockerode';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { answerOf, explainDockerError, statusOf } from './docker-client.ts';

/** Docker's grammar of references; also keeps a name from being another path of Docker's API. */
const imageName =
  /^(?:sha256:[0-9a-f]{64}|(?:[a-zA-Z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?)$/;

export interface ImagePuller {
  /**
   * The image, pulled if it isn't there. Jobs that need the same one share the pull, which is given up when the last
   * of them is aborted.
   * @param progress called with one line for people, only while it is being pulled
   * @throws DstackError if there is no such image or no way to it; the signal's reason when aborted
   */
  ensure(
    image: string,
    progress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Docker.ImageInspectInfo>;
}

interface Pull {
  readonly done: Promise<void>;
  readonly listeners: Set<(line: string) => void>;
  readonly abort: AbortController;
}

export function createImagePuller(docker: Docker): ImagePuller {
  const pulls = new Map<string, Pull>();

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

  return {
    async ensure(image, progress, signal) {
      if (image.length > 512 || !imageName.test(image)) {
        throw new DstackError('bad-image', `${plainText(JSON.stringify(image))} is not the name of an image`);
      }
      const present = await inspectImage(docker, image);
      if (present !== undefined) return present;
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
      const pulled = await inspectImage(docker, image);
      if (pulled === undefined)
        throw new DstackError('image-missing', `image ${image} was pulled and is gone again`);
      return pulled;
    },
  };
}

async function inspectImage(docker: Docker, image: string): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await answerOf(docker.getImage(image).inspect());
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

async function pullImage(
  docker: Docker,
  image: string,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const layers = new Map<string, { current: number; total: number }>();
  let last = '';
  try {
    const stream = await docker.pull(image, { abortSignal: signal });
    for await (const event of readEvents(stream)) {
      if (event.error !== undefined) throw new Error(event.error);
      const { current, total } = event.progressDetail ?? {};
      if (event.status !== 'Downloading' || event.id === undefined || !total) continue;
      layers.set(event.id, { current: current ?? 0, total });
      const line = `${image}: ${progressOf([...layers.values()])}`;
      if (line !== last) tell(line);
      last = line;
    }
  } catch (error) {
    throw pullError(image, error);
  }
}

interface PullEvent {
  status?: string;
  id?: string;
  error?: string;
  progressDetail?: { current?: number; total?: number };
}

/** Docker tells a pull's progress, and its failure, as lines of JSON. */
async function* readEvents(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<PullEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line);
  }
}

function progressOf(layers: readonly { current: number; total: number }[]): string {
  const current = layers.reduce((sum, layer) => sum + layer.current, 0);
  const total = layers.reduce((sum, layer) => sum + layer.total, 0);
  return `${Math.floor((100 * current) / total)}% of ${bytes(total, { decimalPlaces: 0 })}`;
}

function pullError(image: string, error: unknown): DstackError {
  const explained = explainDockerError(error);
  const status = statusOf(error);
  const words = error instanceof Error ? error.message : String(error);
  if (status === undefined && (error as NodeJS.ErrnoException).code !== undefined) return explained;
  const said = plainText((explained.code === 'docker-refused' ? explained.message : words).trim());
  if (/not found|manifest unknown|access denied|does not exist|unauthorized/i.test(words)) {
    return new DstackError('image-missing', `image ${image} was not found, or needs a login (${said})`, {
      hint: `correct the name in workflows.yaml, or on this machine: docker login, docker pull ${image}`,
      cause: error,
    });
  }
  return new DstackError('pull-failed', `image ${image} could not be pulled (${said})`, {
    hint: `check this machine's way to the registry: docker pull ${image}`,
    cause: error,
  });
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
