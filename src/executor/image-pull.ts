import bytes from 'bytes';
import type Docker from 'dockerode';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { explainDockerError, statusOf } from './docker-client.ts';
import { loginFor } from './registry-login.ts';

/**
 * Pulls an image, with the login that this machine has for its registry.
 * @param tell called with one line for people whenever there is something new to say
 * @throws DstackError `image-missing`, `pull-failed` (not for ever, perhaps), `docker-unavailable`
 */
export async function pullImage(
  docker: Docker,
  image: string,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const layers = new Map<string, { current: number; total: number }>();
  let last = '';
  const say = (line: string) => {
    if (line !== last) tell(line);
    last = line;
  };
  const { auth, problem } = await loginFor(image);
  try {
    const options = { abortSignal: signal, ...(auth && { authconfig: auth }) };
    const stream = await docker.pull(image, options);
    for await (const event of readEvents(stream)) {
      if (event.error !== undefined) throw new Error(event.error);
      if (event.status?.startsWith('Retrying')) say(`${image}: its registry fails, Docker tries again`);
      const { current, total } = event.progressDetail ?? {};
      if (event.status !== 'Downloading' || event.id === undefined || !total) continue;
      layers.set(event.id, { current: current ?? 0, total });
      say(`${image}: ${progressOf([...layers.values()])}`);
    }
  } catch (error) {
    throw pullError(image, error, problem);
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

/** @param problem what is wrong with the login that this machine has for the registry */
function pullError(image: string, error: unknown, problem: string | null): DstackError {
  const explained = explainDockerError(error);
  const status = statusOf(error);
  const words = error instanceof Error ? error.message : String(error);
  if (status === undefined && (error as NodeJS.ErrnoException).code !== undefined) return explained;
  const daemon = plainText((explained.code === 'docker-refused' ? explained.message : words).trim());
  const said = problem === null ? daemon : `${daemon}; ${problem}`;
  if (/not found|manifest unknown|access denied|does not exist|unauthorized|no basic auth/i.test(words)) {
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

/** How often a log that is read later says how far a pull is; milliseconds. */
const noticeMs = 10_000;

/** What a job's log has of a pull: that it begins, how far it is now and then, and how long it took. */
export function pullNotices(image: string, notice: (line: string) => void) {
  const begun = performance.now();
  let said = begun;
  notice(`pulling ${image}`);
  return {
    progress(line: string): void {
      if (performance.now() - said < noticeMs) return;
      said = performance.now();
      notice(`pulling ${line}`);
    },
    pulled: () => notice(`pulled ${image} in ${Math.round((performance.now() - begun) / 100) / 10} s`),
  };
}
