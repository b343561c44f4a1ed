import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** One process, as Linux tells it. */
export interface ProcessEntry {
  readonly pid: number;
  /** Process group id. */
  readonly group: number;
  /** When it started, in an unspecified unit: with the pid it names one process for ever. */
  readonly start: string;
}

/** Linux has /proc, where any process's start and environment can be read. */
export const hasProc = process.platform === 'linux';

/** What /proc/<pid>/stat says after the name; empty for a process that is gone. */
function readFields(pid: number | 'self'): string[] {
  const stat = readProcFile(pid, 'stat');
  // The name, in parentheses, may hold spaces and parentheses itself.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
}

/** Undefined for a process that is gone or only waits to be reaped. */
function readProcess(pid: number): ProcessEntry | undefined {
  const fields = readFields(pid);
  const [state, , group] = fields;
  const start = fields[19];
  if (state === undefined || group === undefined || start === undefined || 'ZX'.includes(state))
    return undefined;
  return { pid, group: Number(group), start };
}

/** When a process started, to tell it from a later one with the same pid; undefined if it is gone. */
export function startOf(pid: number): string | undefined {
  if (hasProc) return readProcess(pid)?.start;
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [state, ...start] = line.trim().split(/\s+/);
    return state === undefined || state.startsWith('Z') ? undefined : start.join('-');
  } catch {
    return undefined;
  }
}

/**
 * Every process whose environment, as it was started with, holds all of these variables. Linux only.
 * @param among which pids come into question: each costs a look
 */
export function processesWith(
  variables: Readonly<Record<string, string>>,
  among: (pid: number) => boolean = () => true,
): ProcessEntry[] {
  const wanted = Object.entries(variables).map(([name, value]) => `\0${name}=${value}\0`);
  return listPids().flatMap((pid) => {
    if (!among(pid)) return [];
    const environment = `\0${readProcFile(pid, 'environ') ?? ''}`;
    if (!wanted.every((text) => environment.includes(text))) return [];
    const entry = readProcess(pid);
    return entry === undefined ? [] : [entry];
  });
}

/** Every process whose environment, as it was started with, has this variable, with that environment. Linux only. */
export function environmentsWith(
  variable: string,
): { process: ProcessEntry; environment: Record<string, string> }[] {
  return listPids().flatMap((pid) => {
    const text = readProcFile(pid, 'environ');
    if (!text || !`\0${text}`.includes(`\0${variable}=`)) return [];
    const process = readProcess(pid);
    const pairs = text.split('\0').flatMap((entry) => {
      const equals = entry.indexOf('=');
      return equals < 1 ? [] : [[entry.slice(0, equals), entry.slice(equals + 1)] as const];
    });
    return process === undefined ? [] : [{ process, environment: Object.fromEntries(pairs) }];
  });
}

/** The value of one variable in a process's environment. Linux only. */
export function variableOf(pid: number, name: string): string | undefined {
  const environment = readProcFile(pid, 'environ')?.split('\0');
  return environment?.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Is this process among those that have its terminal? */
export function isInForeground(): boolean {
  if (hasProc) {
    const [, , group, , , foreground] = readFields('self');
    return group !== undefined && group === foreground;
  }
  try {
    return execFileSync('ps', ['-o', 'stat=', '-p', String(process.pid)], { encoding: 'utf8' }).includes('+');
  } catch {
    return false;
  }
}

/** Has the group a process that is not just waiting to be reaped? */
export function groupIsAlive(group: number): boolean {
  if (!signalProcess(-group, 0)) return false;
  return !hasProc || listPids().some((pid) => readProcess(pid)?.group === group);
}

/** Sends a signal (0: only asks) to a process, or with a negative id to a group; false if there is none. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // Somebody else's process is there, though it may not be touched.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function listPids(): number[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** Undefined if the process is gone or is not ours to read. */
function readProcFile(pid: number | 'self', name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}
