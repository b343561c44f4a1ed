import type { Logger } from 'pino';
import { DstackError } from '../errors.ts';
import type { SharedRepository } from '../ledger/shared-repository.ts';
import type { TriggerWatch } from '../ledger/triggers/watch-triggers.ts';
import { openWake } from '../ledger/wake.ts';

/** A runner's watch for pushes and schedules that start runs. */
export interface TriggerKeeper {
  /** Resolves after the first look, however that ended. */
  readonly begun: Promise<void>;
  /** A sign of a push. */
  notify(): void;
  /** Resolves when it looks no more. */
  stop(): Promise<void>;
}

/** Elsewhere each look is a call, of which an idle runner need not make more. */
const pollElsewhere = 10_000;
/** Most signs are of dstack's own pushes, each of which would make every runner look: milliseconds between two looks. */
const spacing = { here: 1_000, elsewhere: 5_000 };
/** A repository that can't be watched is asked more and more rarely; milliseconds. */
const longestPause = 5 * 60_000;

/** What keeps jobs from being found is told by the runner. */
const toldElsewhere = new Set(['unreachable', 'busy', 'lock', 'killed']);

/**
 * Looks again and again, at every sign of a change and whenever a schedule is due, beside the jobs.
 * @param options.found called when runs were submitted
 */
export function keepTriggers(
  watch: TriggerWatch,
  options: {
    readonly shared: Pick<SharedRepository, 'path'>;
    /** Milliseconds. */
    readonly poll: number;
    readonly log: Pick<Logger, 'info' | 'warn'>;
    readonly found: () => void;
  },
): TriggerKeeper {
  const { shared, log } = options;
  const poll = shared.path === null ? Math.max(options.poll, pollElsewhere) : options.poll;
  const apart = shared.path === null ? spacing.elsewhere : spacing.here;
  const complaints = new Set<string>();
  const complain = (what: string, error: unknown) => {
    const { message, code } = error as DstackError;
    if (complaints.has(message) || (error instanceof DstackError && toldElsewhere.has(code))) return;
    complaints.add(message);
    log.warn({ what, error: message }, "what a push or a schedule starts can't be submitted at the moment");
  };
  let stopped = false;
  let failures = 0;
  const lookOnce = async (): Promise<number> => {
    try {
      const { submitted, rejected, failed, dueIn } = await watch.look();
      failures = 0;
      for (const run of submitted) log.info({ run }, 'submitted: a push or a schedule starts it');
      for (const { run, problem } of rejected) log.warn({ run, problem }, "what a push starts can't be run");
      for (const { what, error } of failed) complain(what, error);
      if (failed.length === 0) complaints.clear();
      if (submitted.length + rejected.length > 0) options.found();
      return Math.min(poll, dueIn);
    } catch (error) {
      complain('branches', error);
      failures += 1;
      return Math.min(longestPause, poll * 2 ** Math.min(failures, 8));
    }
  };
  const signs = openWake(shared);
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const ended = (async () => {
    while (!stopped) {
      const pause = await lookOnce();
      begin();
      const earliest = performance.now() + apart;
      // A little late is never early.
      if (!stopped) await signs.wait(Math.max(20, pause + 1));
      while (!stopped && performance.now() < earliest) await signs.wait(earliest - performance.now());
    }
    begin();
    signs.close();
  })();
  return {
    begun,
    notify: signs.notify,
    async stop() {
      stopped = true;
      signs.notify();
      await ended;
    },
  };
}
