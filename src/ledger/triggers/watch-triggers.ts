import { headBranch, listRemoteBranches, openBranches, remoteHeadBranch } from '../../git/branches.ts';
import { longestRef } from '../formats.ts';
import { unreachable } from '../shared-repository.ts';
import { type CarriedOut, carryOutPush, type Submitted } from './carry-out-push.ts';
import { carryOutSchedules } from './carry-out-schedules.ts';
import { watchSchedules } from './due.ts';
import {
  defaultBranch,
  firstSeen,
  goneFrom,
  hasMoved,
  keyOf,
  type PushEvent,
  withMoves,
  withoutPending,
} from './moves.ts';
import type { PushLedger } from './pushed-files.ts';
import { readSeen, type SeenTip, swapSeen } from './seen-ref.ts';
import { withinTime } from './within-time.ts';

/** What a look at branches, tags and schedules came to. */
export interface TriggerLook extends Submitted {
  /** Pushes and schedules that could not be carried out, and will be tried again. */
  readonly failed: { what: string; error: unknown }[];
  /** Milliseconds until there is more, for a schedule is due, or something is to be tried again; infinite: only a push brings more. */
  readonly dueIn: number;
}

/** Watches branches, tags and schedules of a shared repository; as many as like may do so at the same time. */
export interface TriggerWatch {
  /** @throws DstackError `unreachable` and the like, `unknown-format` */
  look(): Promise<TriggerLook>;
}

/** Whoever has seen a push carries it out; another does, if that hasn't happened after so many seconds. */
const patience = 10;
/** What failed is tried again after so many seconds. */
const pause = 15;
/** Of those who see a push at the same time each waits for a part of this; milliseconds. */
const spread = 300;
/** What others have written is of interest only if they die over it: it is read so often at least, in seconds. */
const readEvery = 60;

/**
 * @param ledger whose local repository is this process's own, or the shared one itself: pushed commits are fetched into
 *   it without their history
 * @param options.patience seconds; 0: this process is alone, or won't come again
 */
export function watchTriggers(
  ledger: PushLedger,
  options: { readonly patience?: number } = {},
): TriggerWatch {
  const { shared, clock } = ledger;
  const waitFor = options.patience ?? patience;
  let tip: SeenTip | null = null;
  let readAt = Number.NEGATIVE_INFINITY;
  /** Refs that were missing at the last look. One look can miss what is there. */
  let missing = new Set<string>();
  /** Since when each push has been pending, as far as this process has seen; those that it has recorded: for ever. */
  let pendingSince = new Map<string, number>();
  const tryAgainAt = new Map<string, number>();
  let head: string | null = null;
  const schedules = watchSchedules();
  const branches = shared.path === null ? null : openBranches(shared.path);

  const listRefs = async (): Promise<ReadonlyMap<string, string>> => {
    const own = `${ledger.names.prefix}/`;
    const found =
      branches === null ? await listRemoteBranches(shared.local, shared.remote) : { refs: await branches() };
    if ('failure' in found) throw unreachable(shared.location, found.failure);
    return new Map([...found.refs].filter(([ref]) => !ref.startsWith(own) && ref.length <= longestRef));
  };
  const readHead = async (): Promise<string | null> => {
    if (shared.path !== null) return headBranch(shared.path);
    const found = await remoteHeadBranch(shared.local, shared.remote);
    if ('failure' in found) throw unreachable(shared.location, found.failure);
    return found.ref;
  };
  const read = async () => {
    tip = await readSeen(ledger);
    readAt = clock.monotonic();
  };
  const now = () => new Date(clock.now()).toISOString();

  /**
   * Records what has moved since the last record, which must be read before the refs are: they are no older then.
   * @returns whether there is more of it than can be pending at a time
   */
  const record = async (): Promise<boolean> => {
    let refs = await listRefs();
    const gone = tip ? goneFrom(tip.seen, refs).filter((ref) => missing.has(ref)) : [];
    missing = new Set(tip ? goneFrom(tip.seen, refs) : []);
    if (tip && gone.length === 0 && !hasMoved(tip.seen, refs)) return false;
    // Of many who are woken by the same push the first one does it.
    if (waitFor > 0) await clock.sleep(clock.random() * spread);
    await read();
    refs = await listRefs();
    head = await readHead();
    const next = tip ? withMoves(tip.seen, { refs, head }, gone, now()) : firstSeen({ refs, head }, now());
    if (!next) return false;
    const before = new Set(tip?.seen.pending.map(keyOf));
    const swapped = await swapSeen(ledger, tip, next);
    if (!swapped) {
      await read();
      return false;
    }
    tip = swapped;
    for (const key of next.pending.map(keyOf)) {
      if (!before.has(key)) pendingSince.set(key, Number.NEGATIVE_INFINITY);
    }
    return hasMoved(next, refs);
  };

  /** Those pending pushes whose turn it is here. */
  const dueEvents = (): { due: PushEvent[]; dueIn: number } => {
    const time = clock.monotonic();
    const pending = tip?.seen.pending ?? [];
    pendingSince = new Map(pending.map((event) => [keyOf(event), pendingSince.get(keyOf(event)) ?? time]));
    let dueIn = Number.POSITIVE_INFINITY;
    const due = pending.filter((event) => {
      const key = keyOf(event);
      const at = Math.max((pendingSince.get(key) ?? time) + waitFor, tryAgainAt.get(key) ?? 0);
      if (at > time) dueIn = Math.min(dueIn, (at - time) * 1000);
      return at <= time;
    });
    return { due, dueIn };
  };

  const carryOutPushes = async (look: TriggerLook): Promise<number> => {
    const { due, dueIn } = dueEvents();
    const dealt = new Map<string, CarriedOut['schedules']>();
    let again = dueIn;
    for (const event of due) {
      const key = keyOf(event);
      try {
        const { submitted, rejected, schedules } = await carryOutPush(ledger, event);
        look.submitted.push(...submitted);
        look.rejected.push(...rejected);
        dealt.set(key, schedules);
        tryAgainAt.delete(key);
      } catch (error) {
        look.failed.push({ what: `push of ${event.ref}`, error });
        tryAgainAt.set(key, clock.monotonic() + pause);
        again = Math.min(again, pause * 1000);
      }
    }
    if (dealt.size > 0) await forget(dealt);
    return again;
  };

  /** Whoever is cut off before this leaves them to be carried out once more, to no effect. */
  const forget = async (dealt: ReadonlyMap<string, CarriedOut['schedules']>): Promise<void> => {
    for (let attempt = 1; attempt <= 5 && tip; attempt += 1) {
      head ??= await readHead();
      const branch = defaultBranch({ refs: new Map(Object.entries(tip.seen.refs)), head });
      const next = withoutPending(tip.seen, dealt, branch, now());
      const swapped: SeenTip | null = await swapSeen(ledger, tip, next);
      if (swapped) {
        tip = swapped;
        return;
      }
      await read();
      if (!tip?.seen.pending.some((event) => dealt.has(keyOf(event)))) return;
    }
  };

  const carryOutDue = async (look: TriggerLook): Promise<number> => {
    const found = tip?.seen.schedules;
    // Of a branch that has been deleted nothing is due.
    if (!found || tip?.seen.refs[found.ref] === undefined) return Number.POSITIVE_INFINITY;
    const { due, dueIn } = withinTime(() => schedules.look(found.entries, clock.now()));
    const wait = ((tryAgainAt.get(found.commit) ?? 0) - clock.monotonic()) * 1000;
    if (due.length === 0 || wait > 0) return due.length === 0 ? dueIn : Math.min(dueIn, wait);
    try {
      const { submitted, rejected } = await carryOutSchedules(ledger, found.commit, due);
      look.submitted.push(...submitted);
      look.rejected.push(...rejected);
      schedules.settle(due);
      return dueIn;
    } catch (error) {
      look.failed.push({ what: 'schedule', error });
      tryAgainAt.set(found.commit, clock.monotonic() + pause);
      return Math.min(dueIn, pause * 1000);
    }
  };

  return {
    async look() {
      const look = { submitted: [], rejected: [], failed: [], dueIn: 0 };
      // Reading costs nothing where it is on this machine.
      if (shared.path !== null || clock.monotonic() - readAt >= readEvery) await read();
      const hasMore = await record();
      const pushesIn = await carryOutPushes(look);
      const schedulesIn = await carryOutDue(look);
      return { ...look, dueIn: hasMore ? 0 : Math.min(pushesIn, schedulesIn) };
    },
  };
}
