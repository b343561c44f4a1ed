import { readdirSync, readFileSync } from 'node:fs';
import type { UsageReading } from './executor.ts';
import { hasProc } from './process-table.ts';

/** Tells what the processes of jobs use. */
export interface ProcessMeter {
  /**
   * Of the job whose shell has this pid: its session, and what that has started. Null if nothing of it is left.
   * Memory counts pages that processes share for each of them.
   * @param startedAt by `performance.now`
   */
  read(leader: number, startedAt: number): UsageReading | null;
}

interface Found {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** Seconds, with what children used that have ended. */
  readonly cpu: number;
  readonly pages: number;
}

/** For so long one look at all processes does for all jobs, milliseconds. */
const freshMs = 900;
/** And so long one that is nobody's is passed over without a look, though its pid may be another's meanwhile. */
const passedOverMs = 30_000;

/** Linux alone tells it: elsewhere there is nothing to read. */
export function openProcessMeter(): ProcessMeter {
  let table: readonly Found[] = [];
  let seenAt = Number.NEGATIVE_INFINITY;
  const leaders = new Set<number>();
  const others = new Map<number, number>();

  /** Looking at each of thousands of processes would cost more than what is to be measured. */
  const look = () => {
    const now = performance.now();
    const found: Found[] = [];
    for (const name of readdirSync('/proc')) {
      const pid = Number(name);
      if (!(pid > 0) || (others.get(pid) ?? 0) > now) continue;
      const one = readStat(pid);
      if (one) found.push(one);
    }
    const mine = new Set<number>();
    // Children come after their parents, but for the few whose pids began anew.
    for (const { pid, parent, session } of found) if (leaders.has(session) || mine.has(parent)) mine.add(pid);
    for (const { pid } of found) {
      if (mine.has(pid)) others.delete(pid);
      else others.set(pid, now + passedOverMs * (0.5 + Math.random() / 2));
    }
    for (const [pid, until] of others) if (until <= now) others.delete(pid);
    for (const leader of leaders)
      if (!found.some(({ session }) => session === leader)) leaders.delete(leader);
    table = found.filter(({ pid }) => mine.has(pid));
    seenAt = now;
  };

  return {
    read(leader, startedAt) {
      if (!hasProc) return null;
      if (!leaders.has(leader)) {
        leaders.add(leader);
        others.clear();
        seenAt = Number.NEGATIVE_INFINITY;
      }
      if (performance.now() - seenAt > freshMs) look();
      const members = membersOf(leader, table);
      if (members.length === 0) return null;
      const moved = members.map(({ pid }) => readMoved(pid));
      return {
        seconds: (seenAt - startedAt) / 1000,
        cpu: sum(members.map(({ cpu }) => cpu)),
        memory: sum(members.map(({ pages }) => pages)) * pageSize(),
        disk: { read: sum(moved.map(({ read }) => read)), written: sum(moved.map(({ written }) => written)) },
        // A process is not told apart from others by the network.
        network: null,
      };
    },
  };
}

function membersOf(leader: number, table: readonly Found[]): Found[] {
  const pids = new Set<number>();
  return table.filter(({ pid, parent, session }) => {
    const isMember = session === leader || pids.has(parent);
    if (isMember) pids.add(pid);
    return isMember;
  });
}

/** Of a second in which Linux counts processor time. */
const ticks = 100;

/** Reads /proc/<pid>/stat; null for a process that is gone. */
function readStat(pid: number): Found | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold spaces and parentheses itself.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const number = (index: number) => Number(fields[index]);
    const cpu = (number(11) + number(12) + number(13) + number(14)) / ticks;
    return { pid, parent: number(1), session: number(3), cpu, pages: number(21) };
  } catch {
    return null;
  }
}

/** What went to and from disks, with what children moved that have ended. */
function readMoved(pid: number): { read: number; written: number } {
  try {
    const text = readFileSync(`/proc/${pid}/io`, 'latin1');
    const bytes = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1] ?? 0);
    return { read: bytes('read_bytes'), written: bytes('write_bytes') };
  } catch {
    return { read: 0, written: 0 };
  }
}

let knownPageSize: number | undefined;

/** Bytes: Node knows its own memory in these, and Linux in pages. */
function pageSize(): number {
  if (knownPageSize === undefined) {
    const pages = readStat(process.pid)?.pages || 1;
    const bytes = process.memoryUsage.rss();
    knownPageSize = 2 ** Math.round(Math.log2(bytes / pages));
  }
  return knownPageSize;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
