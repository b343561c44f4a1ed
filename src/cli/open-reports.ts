import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isName } from '../ledger/names.ts';

/** Which runs a runner has still to show the end of: an empty file for each, so that it outlives the process. */
export interface OpenReports {
  add(run: string): void;
  remove(run: string): void;
  /** Those that a former process has left, the latest first. */
  left(): string[];
}

/** So much is caught up with, and no more. */
const mostLeft = 100;
const longestLeft = 30 * 24 * 3_600_000;

/** Whatever is wrong with the folder, there is nothing to catch up with then. */
export function openReports(folder: string, now: () => number = () => Date.now()): OpenReports {
  const quietly = <T>(act: () => T): T | null => {
    try {
      return act();
    } catch {
      return null;
    }
  };
  const remove = (run: string) => void quietly(() => rmSync(join(folder, run), { force: true }));
  return {
    add(run) {
      quietly(() => {
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, run), '');
      });
    },
    remove,
    left() {
      const runs = (quietly(() => readdirSync(folder)) ?? []).filter(isName);
      const dated = runs.map((run) => ({ run, at: quietly(() => statSync(join(folder, run)).mtimeMs) ?? 0 }));
      dated.sort((a, b) => b.at - a.at);
      const fresh = dated.filter(({ at }, index) => index < mostLeft && now() - at < longestLeft);
      const kept = new Set(fresh.map(({ run }) => run));
      for (const run of runs) if (!kept.has(run)) remove(run);
      return [...kept];
    },
  };
}
