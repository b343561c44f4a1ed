import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DstackError } from '../errors.ts';

/**
 * Makes sure that one process at a time is this runner on this machine.
 * @returns releases it
 * @throws DstackError `runner-running` if another one lives
 */
export function lockRunner(file: string, name: string): () => void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  for (let attempt = 1; ; attempt += 1) {
    try {
      writeFileSync(file, `${process.pid} ${startTime(process.pid) ?? ''}\n`, { flag: 'wx', mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt === 3) throw error;
    }
    const [pid = '', started = ''] = readLock(file);
    if (isAlive(Number(pid)) && (started === '' || startTime(Number(pid)) === started)) {
      throw new DstackError(
        'runner-running',
        `a runner named ${name} is already running on this machine (process ${pid})`,
        {
          hint: 'give this one another name: --name NAME',
        },
      );
    }
    // Its process was killed, or its number belongs to another one by now.
    rmSync(file, { force: true });
  }
}

function readLock(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trim().split(' ');
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began, in the kernel's ticks; null where /proc doesn't tell. */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before it, in brackets, can hold anything: count from its end. Field 22 is the start.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
