import { setTimeout as sleep } from 'node:timers/promises';
import type { Executor } from '../executor/executor.ts';

/** Whether Docker answers: it can be stopped, updated, or started later than a runner. */
export interface DockerWatch {
  /** As of the last look. */
  answers(): boolean;
  /**
   * Looks again, unless that was a moment ago.
   * @returns what has become of it, for people; null: what it was
   */
  look(): Promise<string | null>;
}

/** What a look has shown does for so long; milliseconds. */
const holds = 2_000;
/** Docker that takes longer to answer is taken for gone, for as long as it does not; milliseconds. */
const patience = 5_000;

/** And one that was gone before is not waited for so long. */
const shortPatience = 500;

/** @param answers whether it did at the start */
export function watchDocker(
  { check }: Pick<Executor, 'check'>,
  answers: boolean,
  now: () => number = () => performance.now(),
): DockerWatch {
  let is = answers;
  let lookedAt = now();
  let asked: ReturnType<Executor['check']> | null = null;
  return {
    answers: () => is,
    async look() {
      if (now() - lookedAt < holds) return null;
      const before = is;
      const ms = is ? patience : shortPatience;
      asked ??= check();
      const waiting = new AbortController();
      const answer = await Promise.race([asked, sleep(ms, null, { signal: waiting.signal })]);
      waiting.abort();
      if (answer) asked = null;
      lookedAt = now();
      is = answer?.ok ?? false;
      if (is === before) return null;
      if (is) return `${answer?.detail} answers: jobs with an image are taken`;
      const what = answer?.detail ?? `Docker did not answer within ${ms / 1000} seconds`;
      return `${what}; until it answers, jobs with an image are left to others`;
    },
  };
}
