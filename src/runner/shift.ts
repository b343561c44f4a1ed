import type { JobSpec } from '../language/job-spec.ts';
import type { Allotment } from '../ledger/allotments.ts';
import { closeJob } from '../ledger/close-job.ts';
import { type Action, decide } from '../ledger/decide.ts';
import type { Gang } from '../ledger/gangs/formats.ts';
import type { Live, QueueEntry } from '../ledger/live.ts';
import { watchForOrphans } from '../ledger/orphans.ts';
import { jobName } from '../ledger/refs.ts';
import { untilNextRetry } from '../ledger/retries.ts';
import { makersByKey, othersOf } from '../ledger/same-key.ts';
import { type Finished, settle } from '../ledger/settle.ts';
import type { SilenceWatch } from '../ledger/silence.ts';
import { placeAmong, takeTurns } from './candidates.ts';
import { executeJob, type JobControl } from './execute-job.ts';
import { unfitFor } from './fit.ts';
import { type Gather, openGangShift } from './gang-shift.ts';
import { goThrough } from './go-through.ts';
import { holdBack } from './hold-back.ts';
import { lineUp } from './line-up.ts';
import { type Offer, type Way, watchOpenings } from './openings.ts';
import { passOnStops } from './pass-on-stops.ts';
import { openRoom } from './room.ts';
import type { RunnerOptions } from './runner-options.ts';
import { triedAgain } from './tried-again.ts';
import { turnOf } from './turn-of.ts';
import { watchFleet } from './watch-fleet.ts';
import type { Workplace } from './workplace.ts';

/** So long what a look has shown does for another claim, whose own second look tells what has changed; milliseconds. */
const lookHolds = 1_000;

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
  /** What it has offered itself for, that has not begun, for people; null: nothing. */
  waits(live: Live): string | null;
  /** Does what is this runner's turn. @returns milliseconds until there may be more for it, if nothing changes */
  act(live: Live, silence: SilenceWatch): Promise<number>;
  isOver(live: Live): boolean;
  /** What of what a job needs its other jobs have at present, as a clause about the job; null: nothing. */
  lacks(spec: JobSpec): string | null;
  /** The job that it keeps room for, `run/job`, with what it lacks; null: it takes what there is room for. */
  keepsRoomFor(): { job: string; lacking: string } | null;
  drain(): void;
  /** Gives back what it has, with what that leaves; called once more, at once. */
  leave(): void;
  /** Gives back what is left; resolves when nothing is. */
  end(): Promise<void>;
}

type Execute = Extract<Action, { do: 'execute' }>;

/** @param changed called when a job of it has ended, or it has been told to end */
export function startShift(work: Workplace, options: RunnerOptions, changed: () => void): Shift {
  const { ledger, log, claimant } = work;
  const own = new Map<string, JobControl>();
  /** Keys of jobs that it is about to claim. */
  const claiming = new Set<string>();
  let claims: Promise<void> = Promise.resolve();
  let offer: Offer | null = null;
  let keptFor: Way | null = null;
  const taken = new Map<string, Allotment>();
  const turns = takeTurns();
  const postponed = holdBack();
  const unclaimed = holdBack(undefined, 15_000);
  const removeOrphans = watchForOrphans(ledger);
  const fleetNow = watchFleet(ledger, claimant.runner);
  const openings = watchOpenings(options.poll, ledger.clock.now);
  const suspicious = new Set<string>();
  const attempt = triedAgain(log);
  let draining = false;
  let leaving = false;
  let finished = 0;
  let started = 0;

  const held = (): Set<string> => new Set([...own.keys(), ...claiming]);
  const roomBesideGangs = (): number => options.concurrency - own.size - claiming.size;
  const hasRoom = (): boolean => roomBesideGangs() > gangs.size();
  const mayTake = (): boolean =>
    !draining && !leaving && !(options.until.kind === 'once' && started + claiming.size > 0);
  const room = openRoom(options, taken, () => own.size + claiming.size + gangs.size());
  const fits = ({ entry }: Execute | Gather): boolean =>
    (options.until.kind !== 'run' || entry.id.run === options.until.run) &&
    unfitFor(options, entry.job.spec) === null;
  const heldBack = (key: string): number => Math.max(postponed.remaining(key), unclaimed.remaining(key));

  /** @returns whether it was won */
  const execute = async (
    action: Execute | Gather,
    allotment: Allotment,
    silent: ReadonlySet<string>,
    gang: Gang | null = null,
  ): Promise<boolean> => {
    const { id } = action.entry;
    const key = jobName(id);
    claiming.add(key);
    openings.tried(key);
    // It has its share of the machine from now on, for others are claimed at the same time.
    taken.set(key, allotment);
    const claim = () => executeJob(work, action.entry, action.over, allotment, silent, gang);
    const control = await attempt(action.do, () => turns.timed(claim));
    claiming.delete(key);
    if (!control) {
      taken.delete(key);
      // What others had a chance at while a claim was being made here has to be looked at again.
      offer = null;
      if (control === undefined) return false;
      // Another was quicker, or the queue entry is what a crash left behind: the next look tells.
      suspicious.add(id.run);
      // Or something is in the way, a stale lock perhaps: it must not be in the way of all other jobs, too.
      unclaimed.add(key);
      return false;
    }
    log.info({ job: key, attempt: (action.over?.claim.attempt ?? 0) + 1 }, 'claimed');
    started += 1;
    own.set(key, control);
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
      goOn();
    });
    return true;
  };

  /** Claims what there is room for of what was seen, all at the same time, so that what that costs is shared. */
  const take = (from: Offer): { won: Promise<boolean>[]; dueIn: number } => {
    const won: Promise<boolean>[] = [];
    const dueIn = goThrough(from, {
      mayBegin: () => hasRoom() && mayTake(),
      isHeld: (key) => held().has(key),
      room,
      heldBack,
      turnOf: ({ opening, place }) => turnIn(opening.action, place),
      headStartOf: ({ opening, suitsSmaller }) => (suitsSmaller ? openings.headStartOf(opening.key) : 0),
      begin({ action }, share) {
        const silent = new Set(othersOf(from.makers, action.entry).map(({ commit }) => commit));
        won.push(execute(action, share, silent));
      },
    });
    claims = Promise.allSettled([claims, ...won]).then(() => {});
    return { won, dueIn };
  };

  /** A hand has become free: what was seen a moment ago need not be looked at again. */
  const goOn = () => {
    const seen = offer !== null && performance.now() - offer.at < lookHolds ? take(offer).won : [];
    if (seen.length === 0) changed();
    else {
      options.onChange?.();
      void Promise.all(seen).then((won) => {
        if (won.includes(false)) changed();
      });
    }
  };

  const turnIn = (action: Action, place: number): number => turnOf(turns, action, place);
  const act = async (live: Live, silence: SilenceWatch): Promise<number> => {
    const at = performance.now();
    suspicious.clear();
    passOnStops(live, own);
    for (const control of own.values()) control.see({ live, silence });
    gangs.see(live, silence);
    await attempt('sweep', () => removeOrphans(live));
    turns.begin();
    const all = decide(live, silence, held()).filter(
      (action) => action.do !== 'settle' || !work.settler.has(jobName(action.id)),
    );
    const executable = mayTake() ? all.filter((action) => action.do === 'execute').filter(fits) : [];
    const gathers = mayTake() ? all.filter((action) => action.do === 'gather').filter(fits) : [];
    const others = all.filter((action) => action.do !== 'execute' && action.do !== 'gather');
    let dueIn = mayTake() ? 1000 * untilNextRetry(live.claims, silence) : Number.POSITIVE_INFINITY;
    const ahead = executable.filter(isFree);
    const begin = () => gangs.act(gathers.filter(isFree), ahead, live, silence);
    dueIn = Math.min(dueIn, (await attempt('gather', begin)) ?? dueIn);
    const ways = openings.of(
      executable,
      (spec) => room.lacking(spec) === null,
      (key) => heldBack(key) > 0,
    );
    offer = null;
    const keptBefore = keptFor?.key ?? null;
    keptFor = null;
    if (others.length + executable.length === 0) return dueIn;
    const fleet = await fleetNow(live, own.size + claiming.size);

    const toSettle: Finished[] = [];
    for (const action of others) {
      const id = action.do === 'settle' ? action.id : action.entry.id;
      const wait = turnIn(action, placeAmong(fleet.load, claimant.runner, jobName(id)));
      if (wait > 0) dueIn = Math.min(dueIn, wait);
      else if (action.do === 'settle') toSettle.push(action);
      else if (
        (await attempt(action.do, () => closeJob(ledger, action, claimant, work.endHook?.tell))) === 'closed'
      ) {
        options.onJob?.(id);
      } else suspicious.add(id.run);
    }
    if (toSettle.length > 0 && (await attempt('settle', () => settle(ledger, toSettle)))) {
      for (const job of toSettle) options.onJob?.(job.id);
    }

    const idle = openings.idle(ways, fleet.others);
    const { candidates, kept } = lineUp(ways, room.self(), fleet.others, idle, options.lease, keptBefore);
    const makers = makersByKey(live, silence, held());
    offer = { at, candidates: [...candidates], kept, makers, begun: new Set() };
    keptFor = kept;
    const claimed = take(offer);
    if ((await Promise.all(claimed.won)).includes(false)) return 0;
    return Math.min(dueIn, claimed.dueIn);
  };

  /** Nothing speaks against trying it now. */
  const isFree = ({ entry: { id } }: Execute | Gather): boolean =>
    heldBack(jobName(id)) === 0 && !held().has(jobName(id));
  const isForHere = ({ id, job }: QueueEntry): boolean =>
    unfitFor(options, job.spec) === null && !gangs.isHopeless(jobName(id));
  const gangs = openGangShift(work, options, {
    taken,
    room: roomBesideGangs,
    turnIn,
    claim: (action, share, gang) => execute(action, share, new Set(), gang),
    changed(key, how) {
      if (how === 'withdrawn') postponed.add(key);
      if (how === 'ended') started += 1;
      offer = null;
      changed();
    },
  });

  const giveBackAll = () => {
    gangs.leave();
    for (const control of own.values()) control.giveBack();
  };

  return {
    act,
    jobs: () => [...own.keys(), ...gangs.jobs()],
    waits: gangs.waits,
    finished: () => finished,
    isFull: () => !gangs.isActive(own.values()) && (!hasRoom() || (!mayTake() && held().size > 0)),
    ending: () => draining || leaving,
    suspicious: () => suspicious,
    lacks: room.lacking,
    keepsRoomFor() {
      const lacking = keptFor && room.lacking(keptFor.spec);
      return keptFor && lacking !== null ? { job: keptFor.key, lacking } : null;
    },
    isOver(live) {
      if (held().size + gangs.size() > 0) return false;
      if (draining || leaving) return true;
      const { until } = options;
      const queue = [...live.queue.values()];
      if (until.kind === 'run') return !queue.some((entry) => entry.id.run === until.run);
      if (until.kind === 'drain') return !queue.some(isForHere);
      return until.kind === 'once' && started > 0;
    },
    drain() {
      draining = true;
      changed();
    },
    leave() {
      if (leaving) for (const control of own.values()) control.hurry();
      leaving = true;
      giveBackAll();
      changed();
    },
    async end() {
      leaving = true;
      await claims;
      giveBackAll();
      await gangs.end();
      await Promise.allSettled([...own.values()].map((control) => control.ended));
      await work.settler.idle();
    },
  };
}
