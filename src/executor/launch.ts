import type Docker from 'dockerode';
import { plainText } from '../terminal-text.ts';
import { createLaunchMark } from './launch-mark.ts';

/** How a job's shell is started in a container. */
export interface Launch {
  /** What is started, with the shell as its last arguments; empty: the shell itself. */
  readonly entrypoint: readonly string[];
  /** Where that begins: an image's own where its author meant it to; null: where the commands do. */
  readonly folder: string | null;
}

/**
 * As `docker run IMAGE sh -c …` would: the image's entrypoint wraps the shell. A workflow's own replaces it.
 * @param own of the workflow; undefined: it says nothing, empty: none
 */
export function launchOf(
  own: readonly string[] | undefined,
  config: Pick<Docker.ImageInspectInfo['Config'], 'Entrypoint' | 'WorkingDir'> | undefined,
): Launch {
  if (own !== undefined) return { entrypoint: own, folder: null };
  const ofImage = config?.Entrypoint ?? [];
  const entrypoint = typeof ofImage === 'string' ? [ofImage] : ofImage;
  return { entrypoint, folder: entrypoint.length > 0 ? config?.WorkingDir || '/' : null };
}

/** How long an entrypoint may take to start the commands, unless told otherwise; milliseconds. */
const usualLimit = 10 * 60_000;

/** Sees whether an entrypoint starts the job's shell: some are programs that never do. */
export interface LaunchWatch extends Launch {
  /** What the shell is to begin with, as a command; empty where there is no entrypoint. */
  readonly mark: string;
  /** The container has started. */
  begin(): void;
  /** All that it prints. */
  output(chunk: Uint8Array): void;
  /** It prints no more, or nobody listens any more. */
  end(): void;
  /** Why the job has failed, if its shell was not started in time; for people. */
  failure(exitCode: number): string | null;
}

/**
 * @param options.limit milliseconds that it may take
 * @param options.terminate called when it has taken longer
 */
export function watchLaunch(
  launch: Launch,
  deliver: (chunk: Uint8Array) => void,
  options: { limit?: number | undefined; terminate(): void },
): LaunchWatch {
  const { entrypoint } = launch;
  if (entrypoint.length === 0) {
    return { ...launch, mark: '', begin() {}, output: deliver, end() {}, failure: () => null };
  }
  const limit = options.limit ?? usualLimit;
  let timer: NodeJS.Timeout | undefined;
  let late = false;
  const mark = createLaunchMark(deliver, () => clearTimeout(timer));
  return {
    ...launch,
    mark: `${mark.command}; `,
    begin() {
      timer = setTimeout(() => {
        late = true;
        options.terminate();
      }, limit);
    },
    output: mark.output,
    end() {
      clearTimeout(timer);
      mark.end();
    },
    failure(exitCode) {
      if (late) return notLaunched(launch, `ran for ${limit / 1000} s`);
      return mark.seen() ? null : notLaunched(launch, `ended with exit code ${exitCode}`);
    },
  };
}

function notLaunched({ entrypoint, folder }: Launch, what: string): string {
  const words = plainText(JSON.stringify(entrypoint)).slice(0, 200);
  const whose = folder === null ? 'the entrypoint' : "the image's entrypoint";
  const hint =
    folder === null
      ? 'it has to start what it is given, as `exec "$@"` does'
      : '`entrypoint: []` in workflows.yaml goes without it';
  return `${whose} ${words} ${what} without having started the commands; ${hint}`;
}
