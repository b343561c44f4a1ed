import { readdirSync, readFileSync } from 'node:fs';

/** Of a clock tick, in which Linux counts. */
const msPerTick = 10;

/** CPU time so far of a process and all below it that live, with that of those that have ended; milliseconds (Linux). */
export function cpuOf(pid: number): number {
  const ticks = descendantsOf(pid).reduce((sum, one) => sum + one.ticks, statOf(pid)?.ticks ?? 0);
  return ticks * msPerTick;
}

/** The processes below one (Linux). */
export function descendantsOf(pid: number): { pid: number; ticks: number }[] {
  const processes = readdirSync('/proc').flatMap((entry) =>
    /^\d+$/.test(entry) ? (statOf(Number(entry)) ?? []) : [],
  );
  const below = (parent: number): { pid: number; ticks: number }[] =>
    processes.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.pid)]);
  return below(pid);
}

function statOf(pid: number): { pid: number; parent: number; ticks: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind the name, which may have blanks and parentheses in it.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0, usersOfChildren = 0, systemOfChildren = 0] = fields.slice(11, 15);
    return { pid, parent: fields[1] ?? 0, ticks: user + system + usersOfChildren + systemOfChildren };
  } catch {
    return null; // Ended meanwhile.
  }
}

/** The memory that a process has at the moment; bytes (Linux). */
export function residentMemoryOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
