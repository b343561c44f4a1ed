import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from './arena.ts';
import { uptime } from './processes.ts';
import { readLogText } from './records.ts';

/** What was seen in the shared repository while it all went on: all of it must still hold at the end. */
export interface Observer {
  /** The first commit seen as a job's outcome (by `run/job`), and when: seconds since the boot. */
  readonly outcomes: ReadonlyMap<string, { commit: string; at: number }>;
  /** The most that was seen of a job's log, with the first words that were not a continuation. */
  readonly logs: ReadonlyMap<string, string>;
  readonly violations: readonly string[];
  stop(): Promise<void>;
}

const everyMs = 400;
/** Logs that are read at each look. */
const logsAtOnce = 2;

export function observe(arena: Arena): Observer {
  const outcomes = new Map<string, { commit: string; at: number }>();
  const logs = new Map<string, string>();
  const violations: string[] = [];
  const { project } = arena;
  let stopped = false;
  let turn = 0;

  const look = async () => {
    const format = '--format=%(objectname) %(refname:lstrip=2) %(contents:subject)';
    const text = await project.git(['for-each-ref', format, 'refs/dstack/jobs/', 'refs/dstack/claims/']);
    const claims: { key: string; commit: string }[] = [];
    for (const line of text.split('\n').filter(Boolean)) {
      const [commit = '', ref = ''] = line.split(' ');
      const [area, ...rest] = ref.split('/');
      const key = rest.join('/');
      if (area === 'claims') claims.push({ key, commit });
      if (area !== 'jobs') continue;
      const before = outcomes.get(key);
      if (!before) outcomes.set(key, { commit, at: uptime() });
      else if (before.commit !== commit) violations.push(`the outcome of ${key} was changed`);
    }
    for (let count = 0; count < Math.min(logsAtOnce, claims.length); count += 1) {
      const { key, commit } = claims[(turn + count) % claims.length] as (typeof claims)[0];
      const seen = await readLogText(arena, commit).catch(() => null);
      if (seen === null) continue; // It has been replaced and is gone.
      const before = logs.get(key) ?? '';
      if (seen.length >= before.length && !seen.startsWith(before))
        violations.push(`the log of ${key} was changed: ${tail(before)} became ${tail(seen)}`);
      if (seen.length > before.length) logs.set(key, seen);
    }
    turn += logsAtOnce;
  };

  const looking = (async () => {
    while (!stopped) {
      // In an outage nothing can be seen.
      await look().catch(() => {});
      await sleep(everyMs);
    }
  })();
  return {
    outcomes,
    logs,
    violations,
    async stop() {
      stopped = true;
      await looking;
      await look();
    },
  };
}

const tail = (text: string) => JSON.stringify(text.slice(-60));
