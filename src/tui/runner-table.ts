import { formatDuration } from '../human-units.ts';
import type { RunnerView } from '../ledger/state.ts';
import type { Style } from './colours.ts';
import { formatAge } from './duration.ts';
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
  return Number.isNaN(silence) ? 'its time can’t be read' : `silent for ${formatDuration(silence)}`;
}

const styles: Readonly<Record<RunnerCondition, Style>> = { alive: 'green', late: 'red', draining: 'yellow' };

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
      `${runner.jobs.length}/${runner.concurrency}`,
      formatAge(runner.seenAt, now),
      runner.version,
      Object.entries(runner.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
      runner.jobs.join(' '),
      condition === 'late' ? `word from it: ${silentFor(runner, now)}` : (runner.waiting ?? ''),
    ];
  });
  return formatTable(
    [
      { title: 'RUNNER' },
      { title: 'STATE' },
      { title: 'HOST', least: 6, optional: true },
      { title: 'EXECUTOR' },
      { title: 'JOBS' },
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
