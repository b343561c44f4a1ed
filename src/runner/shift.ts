import type { JobSpec } from '../language/job-spec.ts';
import { closeJob } from '../ledger/close-job.ts';
import { type Action, decide } from '../ledger/decide.ts';
import type { Live } from '../ledger/live.ts';
import { watchForOrphans } from '../ledger/orphans.ts';
import { jobName } from '../ledger/refs.ts';
import { untilNextRetry } from '../ledger/retries.ts';
import { makersByKey, othersOf } from '../ledger/same-key.ts';
import { type Finished, settle } from '../ledger/settle.ts';
import type { SilenceWatch } from '../ledger/silence.ts';
import { type Allotment, allot } from './allotments.ts';
import { firstFor, placeAmong, takeTurns } from './candidates.ts';
import { executeJob, type JobControl } from './execute-job.ts';
import { beyondMachine, unfitFor } from './fit.ts';
import { holdBack } from './hold-back.ts';
import type { RunnerOptions } from './runner-options.ts';
import type { Workplace } from './workplace.ts';

/** What another runner has finished, it is given this time to settle itself; milliseconds. */
const settlingMs = 5_000;
/** So many candidates are weighed at a look; there are more than enough in them. */
const weighed = 200;

/** The jobs of one runner, and what it does about the others' that it sees. */
export interface Shift {
  /** Keys of its jobs. */
  jobs(): string[];
  finished(): number;
  isFull(): boolean;
  /** It takes no more. */
  ending(): boolean;
  /** Runs in which something could not be claimed: it may be what a crash left of a finished job. */
  suspicious(): ReadonlySet<string>;
  /** Does what is this runner's turn. @returns milliseconds until there may be more for it, if nothing changes */
  act(live: Live, silence: SilenceWatch): Promise<number>;
  isOver(live: Live): boolean;
  /** What of what a job needs its other jobs have at present, as a clause about the job; null: nothing. */
  lacks(spec: JobSpec): string | null;
  drain(): void;
  leave(): void;
  /** Gives back what is left; resolves when nothing is. */
  end(): Promise<void>;
}

type Execute = Extract<Action, { do: 'execute' }>;

/** @param changed called when a job of it has ended, or it has been told to end */
export function startShift(work: Workplace, options: RunnerOptions, changed: () => void): Shift {
  const { ledger, log, claimant } = work;
  const own = new Map<string, JobControl>();
  const taken = new Map<string, Allotment>();
  const turns = takeTurns();
  const postponed = holdBack();
  const unclaimed = holdBack(undefined, 15_000);
  const removeOrphans = watchForOrphans(ledger);
  const suspicious = new Set<string>();
  let draining = false;
  let leaving = false;
  let finished = 0;
  let started = 0;

  const mayTake = (): boolean => !draining && !leaving && !(options.until.kind === 'once' && started > 0);
  /** What a job would get now. */
  const free = (spec: JobSpec) =>
    // Who takes what is beyond this machine only says so.
    beyondMachine(work.executors, spec) === null
      ? allot(work.executors.stock, taken.values(), spec)
      : { cpu: 0, memory: 0, gpus: [] };
  const fits = ({ entry }: Execute): boolean =>
    (options.until.kind !== 'run' || entry.id.run === options.until.run) &&
    unfitFor(options, entry.job.spec) === null &&
    !('lacking' in free(entry.job.spec));

  /** @returns whether it was won */
  const execute = async (
    action: Execute,
    allotment: Allotment,
    silent: ReadonlySet<string>,
  ): Promise<boolean> => {
    const { id } = action.entry;
    const key = jobName(id);
    const control = await executeJob(work, action.entry, action.over, allotment, silent);
    if (!control) {
      // Another was quicker, or the queue entry is what a crash left behind: the next look tells.
      suspicious.add(id.run);
      // Or something is in the way, a stale lock perhaps: it must not be in the way of all other jobs, too.
      unclaimed.add(key);
      return false;
    }
    log.info({ job: key, attempt: (action.over?.claim.attempt ?? 0) + 1 }, 'claimed');
    started += 1;
    own.set(key, control);
    taken.set(key, allotment);
    if (leaving) control.giveBack();
    options.onJob?.(id);
    void control.ended.then((how) => {
      own.delete(key);
      taken.delete(key);
      if (how === 'finished') {
        finished += 1;
        options.onJob?.(id);
      }
      // Whoever came for one job sees it through.
      if (how === 'handed-back' && options.until.kind === 'once') started -= 1;
      if (how === 'given-back') log.info({ job: key }, 'given back to the queue');
      if (how === 'postponed') {
        started -= 1;
        postponed.add(key);
      }
      changed();
    });
    return true;
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

  const loadOfAll = async (live: Live): Promise<Map<string, number>> => {
    const load = new Map([[claimant.runner, 0]]);
    for (const ref of (await ledger.shared.list([ledger.names.area('runners')])).keys()) {
      const parsed = ledger.names.parse(ref);
      if (parsed?.area === 'runners') load.set(parsed.name, 0);
    }
    for (const tip of live.claims.values()) {
      if (tip.kind !== 'claim' || tip.claim.state === 'waiting') continue;
      const jobs = load.get(tip.claim.runner);
      if (jobs !== undefined) load.set(tip.claim.runner, jobs + 1);
    }
    load.set(claimant.runner, own.size);
    return load;
  };

  const act = async (live: Live, silence: SilenceWatch): Promise<number> => {
    suspicious.clear();
    passOnStops(live);
    await attempt('sweep', () => removeOrphans(live));
    turns.begin();
    const all = decide(live, silence, new Set(own.keys()));
    const executable = mayTake()
      ? firstFor(
          claimant.runner,
          all.filter((action) => action.do === 'execute').filter(fits),
          ({ entry }) => jobName(entry.id),
          weighed,
        )
      : [];
    const others = all.filter((action) => action.do !== 'execute');
    let dueIn = mayTake() ? 1000 * untilNextRetry(live.claims, silence) : Number.POSITIVE_INFINITY;
    if (others.length + executable.length === 0) return dueIn;
    const load = await loadOfAll(live);
    /** Whether it is this runner's turn; if not, when it will be. */
    const isDue = (action: Action, place: number): boolean => {
      const id = action.do === 'settle' ? action.id : action.entry.id;
      const since = action.do === 'settle' ? action.commit : (action.over?.commit ?? '');
      const wait = turns.dueIn(
        `${action.do} ${jobName(id)} ${since}`,
        place,
        action.do === 'settle' ? settlingMs : 0,
      );
      if (wait > 0) dueIn = Math.min(dueIn, wait);
      return wait === 0;
    };

    const toSettle: Finished[] = [];
    for (const action of others) {
      const id = action.do === 'settle' ? action.id : action.entry.id;
      if (!isDue(action, placeAmong(load, claimant.runner, jobName(id)))) continue;
      if (action.do === 'settle') toSettle.push(action);
      else if ((await attempt(action.do, () => closeJob(ledger, action, claimant))) === 'closed') {
        options.onJob?.(id);
      }
    }
    if (toSettle.length > 0 && (await attempt('settle', () => settle(ledger, toSettle)))) {
      for (const job of toSettle) options.onJob?.(job.id);
    }

    const ranked = executable
      .map((action) => ({ action, place: placeAmong(load, claimant.runner, jobName(action.entry.id)) }))
      .sort((a, b) => a.place - b.place);
    const makers = makersByKey(live, silence, new Set(own.keys()));
    const begun = new Set<string | null>();
    for (const { action, place } of ranked) {
      if (own.size >= options.concurrency || !mayTake()) break;
      const key = jobName(action.entry.id);
      const { useCache, cacheKey } = action.entry.job;
      // The next look finds that this waits for what was just claimed.
      if (useCache && cacheKey !== null && begun.has(cacheKey)) continue;
      const silent = new Set(othersOf(makers, action.entry).map(({ commit }) => commit));
      const heldBack = Math.max(postponed.remaining(key), unclaimed.remaining(key));
      const share = free(action.entry.job.spec);
      if (heldBack > 0) dueIn = Math.min(dueIn, heldBack);
      else if ('lacking' in share || !isDue(action, place)) continue;
      // What others had a chance at while a claim was being made here has to be looked at again.
      else if ((await attempt(action.do, () => execute(action, share, silent))) !== true) return 0;
      else begun.add(cacheKey);
    }
    return dueIn;
  };

  const attempt = async <T>(what: string, carryOut: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await carryOut();
    } catch (error) {
      log.warn({ action: what, error: (error as Error).message }, 'will be tried again');
      return undefined;
    }
  };

  const giveBackAll = () => {
    for (const control of own.values()) control.giveBack();
  };

  return {
    act,
    jobs: () => [...own.keys()],
    finished: () => finished,
    isFull: () => own.size >= options.concurrency || (!mayTake() && own.size > 0),
    ending: () => draining || leaving,
    suspicious: () => suspicious,
    lacks(spec) {
      const share = free(spec);
      return 'lacking' in share ? share.lacking : null;
    },
    isOver(live) {
      if (own.size > 0) return false;
      if (draining || leaving) return true;
      const { until } = options;
      const queue = [...live.queue.values()];
      if (until.kind === 'run') return !queue.some((entry) => entry.id.run === until.run);
      if (until.kind === 'drain') return !queue.some((entry) => unfitFor(options, entry.job.spec) === null);
      return until.kind === 'once' && started > 0;
    },
    drain() {
      draining = true;
      changed();
    },
    leave() {
      leaving = true;
      giveBackAll();
      changed();
    },
    async end() {
      giveBackAll();
      await Promise.allSettled([...own.values()].map((control) => control.ended));
    },
  };
}
