import type { Readable } from 'node:stream';

/** So long after SIGTERM comes SIGKILL, in milliseconds. */
const graceMs = 2_000;

/** Sends a signal to a process that is to end, and to what else is to end with it. */
export type End = (signal: NodeJS.Signals) => void;

interface Output {
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/** Ends a process in order, or in the end without. @returns the timer of that, for when it has ended */
function endBeforeLong(output: Output, end: End): NodeJS.Timeout {
  end('SIGTERM');
  return setTimeout(() => {
    end('SIGKILL');
    // What it has started without a group that could be ended holds the output open, and would be waited for.
    output.stdout.destroy();
    output.stderr.destroy();
  }, graceMs);
}

/**
 * Ends a process once nothing has come from it for `limit` milliseconds: a server that accepts and never answers, or a
 * network that is gone, would hold it for ever.
 */
export function watchOutput(
  output: Output,
  end: End,
  limit: number,
): { readonly hasFired: boolean; release(): void } {
  let kill: NodeJS.Timeout | undefined;
  const timer = setTimeout(() => {
    kill = endBeforeLong(output, end);
  }, limit);
  const refresh = () => {
    if (kill === undefined) timer.refresh();
  };
  output.stdout.on('data', refresh);
  output.stderr.on('data', refresh);
  return {
    get hasFired() {
      return kill !== undefined;
    },
    release() {
      clearTimeout(timer);
      clearTimeout(kill);
    },
  };
}

/** Ends a process once `signal` fires. @returns what is to be called when it has ended: it tells whether that was so */
export function endWhenAborted(output: Output, end: End, signal: AbortSignal | undefined): () => boolean {
  let kill: NodeJS.Timeout | undefined;
  const abort = () => {
    kill = endBeforeLong(output, end);
  };
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  return () => {
    clearTimeout(kill);
    signal?.removeEventListener('abort', abort);
    return kill !== undefined;
  };
}

export function killGroup(pid: number | undefined, signal: NodeJS.Signals = 'SIGTERM'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}

const ends = new Set<() => void>();

/**
 * A call to another machine that nobody waits for any more might never end: it ends with this process.
 * @returns what is to be called when it has ended
 */
export function endAtExit(end: () => void): () => void {
  if (ends.size === 0) process.once('exit', endAll);
  ends.add(end);
  return () => {
    ends.delete(end);
    if (ends.size === 0) process.removeListener('exit', endAll);
  };
}

function endAll(): void {
  for (const end of ends) end();
}
