import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Repository } from '../git/repository.ts';
import { monotonicSeconds } from '../ledger/claims.ts';
import { closeJob } from '../ledger/close-job.ts';
import { type Action, decide } from '../ledger/decide.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Live, openLiveReader } from '../ledger/live.ts';
import { jobName } from '../ledger/refs.ts';
import type { RunnerCard } from '../ledger/runner-cards.ts';
import { settle } from '../ledger/settle.ts';
import { watchSilence } from '../ledger/silence.ts';
import { tipsOf } from '../ledger/stop.ts';
import { openWake } from '../ledger/wake.ts';
import type { Store } from '../store/store.ts';
import { announceRunner } from './announce.ts';
import { executeJob, type JobControl, type Workplace } from './execute-job.ts';
import type { Executors } from './executors.ts';

export interface RunnerOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  readonly executors: Executors;
  readonly cache: Repository;
  readonly name: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly concurrency: number;
  /** Milliseconds, all three. */
  readonly lease: number;
  readonly poll: number;
  readonly grace: number;
  /** Where work folders are made. */
  readonly folder: string;
  readonly log: Logger;
  /** Called when something has changed that a reader in this process may want to see. */
  readonly onChange?: (() => void) | undefined;
  /** `drain`: leave when nothing is left to do; `once`: after one job; `run`: when this run has ended. */
  readonly until:
    | { readonly kind: 'told' | 'drain' | 'once' }
    | { readonly kind: 'run'; readonly run: string };
}

export interface Runner {
  /** Takes no more jobs, ends when those it has are done. */
  drain(): void;
  /** Ends its jobs in order and gives them back to the queue. */
  leave(): void;
  /** How many jobs it finished. Rejects only if it could not start, or another took its name. */
  readonly ended: Promise<{ finished: number }>;
}

/** Watches a shared repository and executes its jobs, until told to end or nothing is left. */
export function startRunner(options: RunnerOptions): Runner {
  const { ledger, log } = options;
  const claimant = {
    runner: options.name,
    host: hostname(),
    instance: randomUUID(),
    lease: options.lease / 1000,
  };
  const reader = openLiveReader(ledger);
  const silence = watchSilence();
  const own = new Map<string, JobControl>();
  const startedAt = new Date().toISOString();
  let draining = false;
  let leaving = false;
  let notify: () => void = () => {};
  let finished = 0;
  let started = 0;

  let queue: Promise<unknown> = Promise.resolve();
  const work: Workplace = {
    ...options,
    reader,
    claimant,
    oneAtATime(act) {
      const next = queue.then(act, act);
      queue = next.catch(() => {});
      return next;
    },
  };

  const card = () => ({
    name: options.name,
    host: claimant.host,
    instance: claimant.instance,
    pid: process.pid,
    executor: options.executors.description,
    concurrency: options.concurrency,
    version: options.version,
    labels: options.labels,
    jobs: [...own.keys()],
    startedAt,
    heartbeat: claimant.lease / 3,
    draining,
  });

  /** Runs with something in the queue that could not be claimed: it may be what a crash left of a finished job. */
  const suspicious = new Set<string>();

  /** Carries out one action. */
  const act = async (action: Action): Promise<void> => {
    if (action.do === 'settle') {
      await settle(ledger, [action]);
    } else if (action.do !== 'execute') {
      await closeJob(ledger, action, claimant);
    } else {
      const key = jobName(action.entry.id);
      const control = await executeJob(work, action.entry, action.over);
      if (!control) {
        // Another was quicker, or the queue entry is what a crash left behind: the next look tells.
        suspicious.add(action.entry.id.run);
        return;
      }
      log.info({ job: key, attempt: (action.over?.claim.attempt ?? 0) + 1 }, 'claimed');
      started += 1;
      own.set(key, control);
      if (leaving) control.giveBack();
      void control.ended.then((how) => {
        own.delete(key);
        if (how === 'finished') finished += 1;
        options.onChange?.();
        notify();
      });
    }
  };

  const look = async (): Promise<Live> => {
    const before = monotonicSeconds();
    try {
      const live = await reader.look(suspicious);
      silence.observe(tipsOf(live.claims), before, monotonicSeconds());
      suspicious.clear();
      return live;
    } catch (error) {
      silence.forget();
      throw error;
    }
  };

  const passOnStops = (live: Live) => {
    for (const [key, control] of own) {
      const request = live.stops.get(key);
      const entry = live.queue.get(key);
      if (request && entry && request.stop.queue === entry.commit) {
        control.stop(request.stop.abort ? 'abort' : 'stop', request.stop.by);
      }
    }
  };

  const takeWork = async (live: Live): Promise<void> => {
    for (const action of decide(live, silence, claimant.instance, new Set(own.keys()))) {
      const executes = action.do === 'execute';
      if (executes && (own.size >= options.concurrency || !mayTake(action))) continue;
      try {
        await act(action);
      } catch (error) {
        log.warn({ action: action.do, error: (error as Error).message }, 'will be tried again');
      }
    }
  };

  const mayTake = (action: Extract<Action, { do: 'execute' }>): boolean => {
    if (draining || leaving) return false;
    if (options.until.kind === 'once' && started > 0) return false;
    if (options.until.kind === 'run' && action.entry.id.run !== options.until.run) return false;
    return options.executors.choose(action.entry.job.spec) !== null;
  };

  const isOver = (live: Live): boolean => {
    if (own.size > 0) return false;
    if (draining || leaving) return true;
    const { until } = options;
    if (until.kind === 'run') return ![...live.queue.values()].some((entry) => entry.id.run === until.run);
    if (until.kind === 'drain') {
      return ![...live.queue.values()].some((entry) => options.executors.choose(entry.job.spec) !== null);
    }
    return until.kind === 'once';
  };

  /** With jitter, so that runners don't poll in step; longer while the repository is away. */
  const pause = (failures: number): number =>
    Math.min(options.poll * 2 ** Math.min(failures, 4), Math.max(options.poll, 30_000)) *
    (0.85 + Math.random() * 0.3);

  const ended = (async () => {
    const swept = await options.executors.sweep(options.name);
    if (swept > 0) log.warn({ swept }, 'ended what an earlier runner of this name had left');
    const wake = await openWake(ledger.shared);
    notify = wake.notify;
    let announced: RunnerCard | null = null;
    let heartbeat: NodeJS.Timeout | undefined;
    let replaced: Error | null = null;
    try {
      announced = await announceRunner(ledger, card(), (seconds, host) =>
        log.info(
          { host, seconds },
          'another runner of this name was on that machine: watching whether it lives',
        ),
      );
      let beating = false;
      heartbeat = setInterval(
        async () => {
          if (beating) return;
          beating = true;
          const result = await announced?.update(card()).catch(() => 'unknown' as const);
          beating = false;
          if (result === 'replaced') {
            replaced = new Error(`another runner has taken the name ${options.name}`);
            draining = true;
            notify();
          }
        },
        (claimant.lease / 3) * 1000,
      );
      log.info({ repository: ledger.shared.location, executor: options.executors.description }, 'watching');
      let failures = 0;
      for (;;) {
        let live: Live | null = null;
        try {
          live = await look();
          if (failures > 0) log.info('the shared repository is back');
          failures = 0;
        } catch (error) {
          failures += 1;
          if (failures === 1)
            log.warn({ error: (error as Error).message }, 'the shared repository does not answer');
          if (own.size === 0 && (draining || leaving)) break;
        }
        if (live) {
          passOnStops(live);
          await takeWork(live);
          if (isOver(live)) break;
        }
        await wake.wait(pause(failures));
        // Many wake-ups in a row are one.
        await sleep(20);
      }
    } finally {
      clearInterval(heartbeat);
      for (const control of own.values()) control.giveBack();
      await Promise.allSettled([...own.values()].map((control) => control.ended));
      await announced?.remove();
      await wake.close();
    }
    if (replaced) throw replaced;
    return { finished };
  })();

  return {
    drain() {
      draining = true;
      notify();
    },
    leave() {
      leaving = true;
      for (const control of own.values()) control.giveBack();
      notify();
    },
    ended,
  };
}
