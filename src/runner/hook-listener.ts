import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { endAtExit, killGroup } from '../git/end-process.ts';
import { sshPlace, startAtHost } from '../git/ssh-command.ts';
import { heartbeat, hookLines } from '../ledger/hook-lines.ts';
import type { SharedRepository } from '../ledger/shared-repository.ts';
import { plainText } from '../terminal-text.ts';

/** All in milliseconds. */
const longestSilence = 3 * heartbeat;
const [shortestPause, longestPause] = [1_000, 60_000];
/** A host that can't do it will hardly learn it. */
const pauseAfterRefusal = 3_600_000;
/** A connection that has stood for so long was a good one. */
const goodAfter = 60_000;
/** After its end, for what it has said before. */
const lastWords = 500;
/** ssh ends so if it is ssh that has failed, and not what it has called. */
const sshFailed = 255;
/** More than this without a line of ours is something else; characters. */
const mostNoise = 64 << 10;

/** How a connection ended. */
interface End {
  /** Somebody listened there. */
  readonly heard: boolean;
  /** Null: it was ended from here, or by a signal. */
  readonly exitCode: number | null;
  /** The last that was said of it; foreign text. */
  readonly words: string;
}

export interface HookListener {
  close(): Promise<void>;
}

/**
 * Holds a connection open to the host of a shared repository that is reached over ssh, over which its hook tells of what is
 * new. Nothing depends on it: where it can't be had, that is said once, and polling does.
 * @param look called at every sign
 */
export function listenToRemoteHook(
  { remote, local }: Pick<SharedRepository, 'remote' | 'local'>,
  { log, look }: { log: Logger; look: () => void },
): HookListener {
  const closing = new AbortController();
  const ended = (async () => {
    const place = await sshPlace(remote, local.gitDir);
    if (!place) return;
    const words = ['dstack', 'hook', 'listen', place.path];
    const said = new Set<string>();
    const sayOnce = (text: string, more: object = {}) => {
      if (!said.has(text)) log.info(more, text);
      said.add(text);
    };
    const hear = () => {
      sayOnce('the hook of the shared repository tells at once of what is new');
      look();
    };
    for (let failures = 0; !closing.signal.aborted; ) {
      const startedAt = performance.now();
      const end = await startAtHost(place, words, { remote, gitDir: local.gitDir, signal: closing.signal })
        .then((child) => attend(child, closing.signal, hear))
        .catch((error: Error): End => ({ heard: false, exitCode: sshFailed, words: error.message }));
      if (closing.signal.aborted) return;
      failures = performance.now() - startedAt > goodAfter ? 0 : failures + 1;
      const refused = !end.heard && end.exitCode !== null && end.exitCode !== sshFailed;
      if (refused)
        sayOnce('the host of the shared repository has no hook that tells of what is new: polling', {
          words: end.words,
        });
      const pause = refused ? pauseAfterRefusal : Math.min(longestPause, shortestPause * 2 ** (failures - 1));
      await sleep(pause * (0.8 + Math.random() * 0.4), undefined, { signal: closing.signal }).catch(() => {});
    }
  })().catch((error: unknown) => log.warn({ err: error }, 'the hook of the shared repository is not heard'));
  return {
    async close() {
      closing.abort();
      await ended;
    },
  };
}

/** Reads what one connection says, to its end; it is ended when nothing is said any more. */
function attend(
  child: Awaited<ReturnType<typeof startAtHost>>,
  signal: AbortSignal,
  hear: () => void,
): Promise<End> {
  return new Promise((resolve) => {
    let [heard, line, words] = [false, '', ''];
    const kill = () => killGroup(child.pid);
    const release = endAtExit(kill);
    const silence = setTimeout(kill, longestSilence);
    const finish = (exitCode: number | null) => {
      clearTimeout(silence);
      release();
      signal.removeEventListener('abort', kill);
      const last = words.trim().split('\n').at(-1)?.trim() ?? '';
      // What ssh has left in the background for later connections may hold them open.
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
      resolve({ heard, exitCode, words: plainText(last.slice(0, 200)) });
    };
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    child.stdin.on('error', () => {});
    child.stderr.setEncoding('utf8').on('data', (more: string) => {
      words = `${words}${more}`.slice(-2_000);
    });
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      const lines = `${line}${more}`.split('\n');
      line = lines.pop() ?? '';
      if (line.length > mostNoise) return kill();
      for (const said of lines) {
        if (said === hookLines.greeting) heard = true;
        if (!heard) continue;
        silence.refresh();
        // What came while nobody listened is to be found, too.
        if (said === hookLines.greeting || said === hookLines.wake) hear();
      }
    });
    child.once('error', (error) => {
      words = error.message;
      finish(sshFailed);
    });
    child.once('close', finish);
    child.once('exit', (exitCode) => setTimeout(finish, lastWords, exitCode).unref());
  });
}
