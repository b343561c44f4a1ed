import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever the machine. */
const millisecondsPerTick = 10;

/** What the ended children of a process, and theirs, have taken of the processor so far; milliseconds. */
export function timeOfChildren(pid: number | 'self'): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * millisecondsPerTick;
}

/** What this process and its ended children have taken; milliseconds. */
export function ownTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000 + timeOfChildren('self');
}
