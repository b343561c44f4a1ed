import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DstackError } from '../errors.ts';
import { isAlive } from '../git/is-alive.ts';

/**
 * Makes sure that one process at a time is this runner on this machine.
 * @returns releases it
 * @throws DstackError `runner-running` if another one lives
 */
export function lockRunner(file: string, name: string): () => void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const own = `${process.pid} ${startTime(process.pid) ?? ''}`.trim();
  while (!create(file, own)) {
    const holder = read(file);
    if (holder === null) continue;
    if (isRunning(holder)) throw alreadyRunning(name, holder);
    removeStale(file, name, holder);
  }
  return () => {
    if (read(file) === own) rmSync(file, { force: true });
  };
}

/** Makes the file with its content in one step, so that nobody reads an empty one. */
function create(file: string, content: string): boolean {
  const whole = `${file}.${process.pid}`;
  writeFileSync(whole, `${content}\n`, { mode: 0o600 });
  try {
    linkSync(whole, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(whole, { force: true });
  }
}

/**
 * Its process was killed, or its number belongs to another one by now. Only who holds a lock on removing it may do so:
 * of two that have both seen it, the slower one would otherwise remove the lock that the quicker one then made.
 * @throws DstackError `runner-running` if another one is about to remove it
 */
function removeStale(file: string, name: string, holder: string): void {
  const release = lockRunner(`${file}.removal`, name);
  try {
    if (read(file) === holder) rmSync(file);
  } finally {
    release();
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function alreadyRunning(name: string, holder: string): DstackError {
  return new DstackError(
    'runner-running',
    `a runner named ${name} is already running on this machine (process ${holder.split(' ')[0]})`,
    { hint: 'give this one another name: --name NAME' },
  );
}

function isRunning(holder: string): boolean {
  const [number, started] = holder.split(' ');
  const pid = Number(number);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (!isAlive(pid)) return false;
  return started === undefined || startTime(pid) === started;
}

/** When a process began, in the kernel's ticks; null where /proc doesn't tell, or it is dead and only not yet buried. */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before it, in brackets, can hold anything: count from its end. Field 22 is the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
