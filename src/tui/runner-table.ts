import { formatDuration } from '../human-units.ts';
import type { RunnerView } from '../ledger/state.ts';
import type { Style } from './colours.ts';
import { formatAge, formatBytes } from './duration.ts';
import { type Cell, formatTable, type TableOptions } from './table.ts';

export type RunnerCondition = 'alive' | 'late' | 'draining';

// One missed word may be a slow push; three are silence.
const MISSED_HEARTBEATS = 3;

/** `late`: has not said for three heartbeats that it lives. `now` in milliseconds since 1970. */
export function runnerCondition(runner: RunnerView, now: number): RunnerCondition {
  const silence = now - Date.parse(runner.seenAt);
  // An unreadable time is not a sign of life.
  if (!(silence <= MISSED_HEARTBEATS * runner.heartbeat * 1000)) return 'late';
  return runner.draining ? 'draining' : 'alive';
}

function silentFor(runner: RunnerView, now: number): string {
  const silence = now - Date.parse(runner.seenAt);
  return Number.isNaN(silence) ? "its time can't be read" : `silent for ${formatDuration(silence)}`;
}

const styles: Readonly<Record<RunnerCondition, Style>> = { alive: 'green', late: 'red', draining: 'yellow' };

export const conditionStyle = (condition: RunnerCondition): Style => styles[condition];

/** What it waits for, and since when; of one that is silent that alone is of interest. Not yet neutralised. */
export function waitingWords(runner: RunnerView, now: number): string {
  if (runnerCondition(runner, now) === 'late') return `waits for word from it: ${silentFor(runner, now)}`;
  if (runner.waiting === null) return '';
  const since = runner.waitingSince === undefined ? Number.NaN : now - Date.parse(runner.waitingSince);
  return `waits for ${runner.waiting}${since >= 1000 ? ` (for ${formatDuration(since)})` : ''}`;
}

/** `3/8`: taken of what there is. */
function share(taken: number | undefined, of: number): string {
  return `${taken ?? 0}/${of}`;
}

function doing({ jobs, doing: known }: RunnerView, now: number): string {
  if (!known) return jobs.join(' ');
  return known
    .map(({ job, since }) => {
      const time = since === null ? Number.NaN : now - Date.parse(since);
      return Number.isNaN(time) ? job : `${job} ${formatDuration(time)}`;
    })
    .join(', ');
}

/** The runners as a table; a line that says what to do if there are none. */
export function runnerTable(runners: readonly RunnerView[], now: number, options: TableOptions = {}): string {
  if (runners.length === 0) return 'No runners. Start one on this machine: dstack runner start\n';
  const rows = runners.map((runner): Cell[] => {
    const condition = runnerCondition(runner, now);
    return [
      runner.name,
      { text: condition, style: styles[condition] },
      runner.host,
      runner.interruptible ? `${runner.executor}, interruptible` : runner.executor,
      share(runner.jobs.length, runner.concurrency),
      share(runner.used?.cpu, runner.machine.cpu),
      `${formatBytes(runner.used?.memory ?? 0)}/${formatBytes(runner.machine.memory)}`,
      runner.machine.gpus.length > 0 ? share(runner.used?.gpus, runner.machine.gpus.length) : '',
      formatAge(runner.seenAt, now),
      runner.version,
      Object.entries(runner.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
      doing(runner, now),
      waitingWords(runner, now).replace(/^waits for /, ''),
    ];
  });
  return formatTable(
    [
      { title: 'RUNNER' },
      { title: 'STATE' },
      { title: 'HOST', least: 6, optional: true },
      { title: 'EXECUTOR' },
      { title: 'JOBS' },
      { title: 'CPUS', optional: true },
      { title: 'MEMORY', optional: true },
      { title: 'GPUS', optional: true },
      { title: 'SEEN' },
      { title: 'VERSION', optional: true },
      { title: 'LABELS', least: 6, optional: true },
      { title: 'DOING', least: 6 },
      { title: 'WAITS FOR', least: 9 },
    ],
    rows,
    options,
  );
}
