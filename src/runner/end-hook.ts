import pLimit from 'p-limit';
import type { RecordFile } from '../ledger/formats.ts';
import { jobName } from '../ledger/refs.ts';
import { outputOf } from './user-program.ts';

/** So many of them run at the same time; beyond so many more, jobs end without being told of. */
const atOnce = 4;
const mostWaiting = 1_000;

/**
 * What such a program sees of the runner's environment: where things are and how to reach the desktop. Secrets for jobs,
 * and tokens of a host, are in there, too, and a program that reports what it has would pass them on.
 */
const passedOn =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_[A-Z]+|TZ|TMPDIR|XDG_RUNTIME_DIR|DBUS_SESSION_BUS_ADDRESS|DISPLAY|WAYLAND_DISPLAY)$/;

/** The user's own program that is told of each job that ends. */
export interface EndHook {
  /** Returns at once: whatever becomes of the program, the job's end stands. */
  tell(record: RecordFile): void;
  /** Resolves once nobody is being told any more; at the latest when the time of the last one is up. */
  idle(): Promise<void>;
}

/**
 * @param command a program and its arguments (no shell), which reads the record as one line of JSON; none: nothing is told
 * @param complain called with what has gone wrong, and the job (`RUN/JOB`) that it was about
 */
export function openEndHook(
  command: readonly [string, ...string[]] | undefined,
  complain: (problem: string, job: string) => void,
  options: { readonly longestMs?: number } = {},
): EndHook {
  if (command === undefined) return { tell: () => {}, idle: async () => {} };
  const limit = pLimit(atOnce);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => passedOn.test(name)));
  const underWay = new Set<Promise<void>>();
  return {
    tell(record) {
      const job = jobName({ run: record.run, job: record.job });
      if (limit.pendingCount >= mostWaiting) {
        complain(`runner.onEnd was not called: ${mostWaiting} other ends wait for it`, job);
        return;
      }
      const input = `${JSON.stringify(record)}\n`;
      // Its arguments stay unsaid: one of them may be an address that is as good as a password.
      const telling = limit(() => outputOf(command, { mostBytes: null, input, env, ...options }))
        .then(() => {})
        .catch((error: unknown) => complain(`the program of runner.onEnd ${(error as Error).message}`, job))
        .finally(() => underWay.delete(telling));
      underWay.add(telling);
    },
    async idle() {
      await Promise.all(underWay);
    },
  };
}
