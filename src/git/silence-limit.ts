import type { Readable } from 'node:stream';

/** So long after SIGTERM comes SIGKILL, in milliseconds. */
const graceMs = 2_000;

interface Watched {
  readonly pid?: number | undefined;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  kill(signal: NodeJS.Signals): boolean;
}

/**
 * Ends a process with its group once nothing has come from it for `limit` milliseconds: a server that accepts and
 * never answers, or a network that is gone, would hold it for ever.
 * @param foreground it has no group of its own
 */
export function watchOutput(
  subprocess: Watched,
  foreground: boolean,
  limit: number,
): { readonly hasFired: boolean; end(): void } {
  let hasFired = false;
  let kill: NodeJS.Timeout | undefined;
  const signal = (name: NodeJS.Signals) => {
    if (foreground) subprocess.kill(name);
    else killGroup(subprocess.pid, name);
  };
  const fire = () => {
    hasFired = true;
    signal('SIGTERM');
    kill = setTimeout(() => {
      signal('SIGKILL');
      // What it has started without a group that could be ended holds the output open, and would be waited for.
      subprocess.stdout?.destroy();
      subprocess.stderr?.destroy();
    }, graceMs);
  };
  const timer = setTimeout(fire, limit);
  const refresh = () => {
    if (!hasFired) timer.refresh();
  };
  subprocess.stdout?.on('data', refresh);
  subprocess.stderr?.on('data', refresh);
  return {
    get hasFired() {
      return hasFired;
    },
    end() {
      clearTimeout(timer);
      clearTimeout(kill);
    },
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

const groups = new Set<number>();

/** A call to another machine that nobody waits for any more might never end: it ends with this process. */
export function endAtExit(pid: number | undefined, remote: boolean): (() => void) | undefined {
  if (pid === undefined || !remote) return undefined;
  if (groups.size === 0) process.once('exit', endGroups);
  groups.add(pid);
  return () => {
    groups.delete(pid);
    if (groups.size === 0) process.removeListener('exit', endGroups);
  };
}

function endGroups(): void {
  for (const pid of groups) killGroup(pid);
}
