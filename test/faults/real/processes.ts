import { readdirSync, readFileSync } from 'node:fs';

/** A process of this machine, as /proc tells it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** When it began: seconds since the boot. */
  readonly start: number;
  readonly command: string;
}

/** Seconds since the boot, on the clock by which jobs note their steps; counts suspend, never jumps. */
export function uptime(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
}

const ticksPerSecond = 100;

/** Everything that runs, without what only waits to be reaped. */
export function listProcesses(): ProcessInfo[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if ('ZX'.includes(fields[0] as string) || command === '') return [];
      const start = Number(fields[19]) / ticksPerSecond;
      return [{ pid: Number(name), parent: Number(fields[1]), start, command }];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}

/** Those whose environment, as they were started with, has one of these entries. */
export function processesWith(...entries: readonly string[]): ProcessInfo[] {
  return listProcesses().filter(({ pid }) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      return pid !== process.pid && entries.some((entry) => environment.includes(entry));
    } catch {
      return false;
    }
  });
}

export const isGit = ({ command }: ProcessInfo) => /^(\S*\/)?git(-[a-z-]+)? /.test(`${command} `);

/** All that this process has started, and what that has. */
export function descendantsOf(pid: number): ProcessInfo[] {
  const all = listProcesses();
  const found: ProcessInfo[] = [];
  for (let parents = [pid]; parents.length > 0; ) {
    const children = all.filter(({ parent }) => parents.includes(parent));
    found.push(...children);
    parents = children.map((child) => child.pid);
  }
  return found;
}

/** @returns whether there was such a process (or, with a negative number, group) */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
