import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';

/** How long a request that should be answered at once may take, in milliseconds. */
const answerMs = 60_000;

/**
 * Waits for Docker's answer, but not for ever.
 * @throws DstackError `docker-unavailable` if there is none, `docker-refused` with Docker's own words if it is a no
 */
export async function answerOf<T>(request: Promise<T>, ms = answerMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          unavailable(
            `Docker did not answer within ${ms / 1000} seconds`,
            'see whether it is well: docker info',
          ),
        ),
      ms,
    );
  });
  try {
    return await Promise.race([request, late]);
  } catch (error) {
    throw explainDockerError(error);
  } finally {
    clearTimeout(timer);
  }
}

/** The same, where what is asked for may be gone or be so already (404, 304, 409): then it gives undefined. */
export async function answerUnlessGone<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await answerOf(request);
  } catch (error) {
    if ([304, 404, 409].includes(statusOf(error) ?? 0)) return undefined;
    // Podman's way to say so: an error of its own.
    if (/no such container/.test((error as Error).message)) return undefined;
    throw error;
  }
}

/** The HTTP status of a refusal; undefined for other errors. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode } = (error instanceof DstackError ? error.cause : error) as { statusCode?: number };
  return statusCode;
}

/** What went wrong with Docker and what to do, for people. */
export function explainDockerError(error: unknown): DstackError {
  if (error instanceof DstackError) return error;
  const { code, address, json } = error as NodeJS.ErrnoException & {
    address?: string;
    json?: { message?: string };
  };
  const where = address === undefined ? '' : ` (${address})`;
  switch (code) {
    case 'ENOENT':
      return unavailable(
        `Docker is not installed or not running: its socket is not there${where}`,
        'install Docker Engine, or start it: sudo systemctl start docker',
        error,
      );
    case 'ECONNREFUSED':
      return unavailable(
        `Docker is not running${where}`,
        'start it: sudo systemctl start docker; or correct DOCKER_HOST',
        error,
      );
    case 'EACCES':
    case 'EPERM':
      return unavailable(
        `this user may not use Docker${where}`,
        'sudo usermod -aG docker $USER, then log in again',
        error,
      );
  }
  const words = json?.message ?? (error instanceof Error ? error.message : String(error));
  if (statusOf(error) === undefined) {
    return unavailable(
      `Docker can't be reached: ${plainText(words.trim())}`,
      'see whether it is well: docker info',
      error,
    );
  }
  const elsewhere = /bind source path does not exist/.test(words);
  const hint = elsewhere
    ? 'Docker has to see the files of this machine: start the runner where Docker is'
    : 'these are the words of Docker: `docker info` and its log tell more';
  return new DstackError('docker-refused', `Docker: ${plainText(words.trim())}`, { hint, cause: error });
}

function unavailable(message: string, hint: string, cause?: unknown): DstackError {
  return new DstackError('docker-unavailable', message, { hint, cause });
}
