import type { Claimant } from '../ledger/claims.ts';
import { type Fate, fateOf, type Seen } from '../ledger/gangs/fate.ts';
import type { Gang } from '../ledger/gangs/formats.ts';
import { type NodeHolder, offerNode } from '../ledger/gangs/node-holder.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type ClaimTip, type Live, type NodeTip, nodeKey, type QueueEntry } from '../ledger/live.ts';
import { jobName } from '../ledger/refs.ts';
import { keepLease } from './lease-keeper.ts';

/** A node that has joined a gang, on this runner. */
export interface Member {
  /** All are ready: its commands may begin. */
  begin(): void;
  /** Its gang is over, or somebody wants that: in order, or at once. A second call can only make it faster. */
  end(how: 'stop' | 'abort' | 'leave'): void;
  freeze(): void;
  thaw(): void;
  /** Nothing of it is left; `withdrawn`: it never was ready, and is not to count as having failed. */
  readonly ended: Promise<'ended' | 'withdrawn'>;
}

/** What a node joins. */
export interface Joining {
  readonly holder: NodeHolder;
  readonly lease: Extract<ClaimTip, { kind: 'claim' }>;
  readonly gang: Gang;
  /** Its own; the node whose runner has the claim is the one of rank 0. */
  readonly rank: number;
}

/** What a runner has offered to jobs for several nodes, and the nodes that have come of it. */
export interface Gathering<Share> {
  /** Keys of the jobs, with what each has of this machine. */
  shares(): ReadonlyMap<string, Share>;
  /** The offer that stands for a job, unless a gang counts on it already. */
  offered(key: string): NodeHolder | null;
  /** Follows each to its fate, and ends those that somebody wants to end. To be called at each look. */
  see(seen: Seen, stops?: Live['stops']): void;
  /** These are the offers that are to stand; others are taken back. */
  offer(wanted: readonly { readonly entry: QueueEntry; readonly share: Share }[], seen: Seen): void;
  /** Its runner has claimed the job itself, or holds back from it: the offer goes. */
  takeBack(key: string): void;
  /** Removes what dead ones have left. */
  clear(seen: Seen): Promise<void>;
  /** Takes everything back; nodes end, and stay until that has been seen, or for a while. */
  leave(): void;
  /** Resolves when nothing is left. */
  end(): Promise<void>;
}

interface Seat<Share> {
  readonly share: Share;
  readonly ended: Promise<void>;
  holder: NodeHolder | null;
  gang: string | null;
  member: Member | null;
  begun: boolean;
  leaving: boolean;
  unseen: number;
  /** Lets the ref go, once what the node does is over. */
  release(): void;
}

/** A ref that a listing has missed is there in the next one. */
const looksToBelieve = 2;
/** So long it is waited that the end of a node on a runner that leaves is seen; milliseconds. */
const untilSeen = 15_000;

/**
 * @param join begins what a node does for a gang
 * @param changed called when a seat has become free
 */
export function openGathering<Share>(
  ledger: Ledger,
  claimant: Claimant,
  join: (joining: Joining, share: Share) => Member,
  changed: (key: string, how: 'ended' | 'withdrawn' | 'offer-gone') => void,
): Gathering<Share> {
  const { shared, names, clock } = ledger;
  const seats = new Map<string, Seat<Share>>();

  const ownTip = (entry: QueueEntry, { live }: Seen): NodeTip | undefined =>
    live.nodes.get(nodeKey(jobName(entry.id), claimant.runner));

  const sit = (entry: QueueEntry, share: Share, over: string | null) => {
    const key = jobName(entry.id);
    let [free, release] = [() => {}, () => {}];
    const ended = new Promise<void>((resolve) => {
      free = resolve;
    });
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const seat: Seat<Share> = {
      share,
      ended,
      holder: null,
      gang: null,
      member: null,
      begun: false,
      leaving: false,
      unseen: 0,
      release,
    };
    seats.set(key, seat);
    const leave = (how: Parameters<typeof changed>[1]) => {
      seats.delete(key);
      free();
      changed(key, how);
    };
    void occupy(seat, entry, over, released).then(leave, () => leave('offer-gone'));
  };

  /** From the offer to where the ref is gone again. */
  const occupy = async (
    seat: Seat<Share>,
    entry: QueueEntry,
    over: string | null,
    released: Promise<void>,
  ) => {
    const holder = await offerNode(ledger, entry, claimant, over);
    if (holder === null) return 'offer-gone' as const;
    seat.holder = holder;
    let isLost = false;
    const keeper = keepLease(
      holder,
      {
        freeze: () => seat.member?.freeze(),
        thaw: () => seat.member?.thaw(),
        lost() {
          isLost = true;
          seat.leaving = true;
          seat.member?.end('abort');
          seat.release();
        },
      },
      clock,
    );
    await released;
    const how = seat.member ? await seat.member.ended : ('offer-gone' as const);
    keeper.stop();
    if (!isLost) await holder.remove().catch(() => {});
    return how;
  };
  const letGo = (seat: Seat<Share>) => {
    seat.leaving = true;
    seat.member?.end('stop');
    seat.release();
  };

  const follow = (seat: Seat<Share>, fate: Fate, seen: Seen) => {
    const { holder } = seat;
    if (holder === null) return;
    seat.unseen = fate === 'unseen' ? seat.unseen + 1 : 0;
    if (fate === 'over' || seat.unseen >= looksToBelieve) letGo(seat);
    else if (fate === 'joins') {
      const key = jobName(holder.entry.id);
      const lease = seen.live.claims.get(key);
      if (lease?.kind !== 'claim' || !lease.claim.gang || seat.member || seat.leaving) return;
      const { gang } = lease.claim;
      const rank = 1 + gang.members.findIndex(({ offer }) => offer === holder.claim().offer);
      seat.gang = gang.id;
      const member = join({ holder, lease, gang, rank }, seat.share);
      seat.member = member;
      void member.ended.then((how) => {
        // Whoever was no node in the end is missed; how one has ended must be seen first.
        if (how === 'withdrawn') letGo(seat);
      });
    } else if (fate === 'begins' && !seat.begun) {
      seat.begun = true;
      seat.member?.begin();
    }
  };

  return {
    shares: () => new Map([...seats].map(([key, { share }]) => [key, share])),
    offered(key) {
      const seat = seats.get(key);
      return seat && !seat.member && !seat.leaving ? seat.holder : null;
    },
    see(seen, stops = new Map()) {
      for (const [key, seat] of seats) {
        if (!seat.holder) continue;
        follow(seat, fateOf(seat.holder.claim(), seat.gang, seen), seen);
        const stop = stops.get(key)?.stop;
        if (stop?.queue === seat.holder.entry.commit) seat.member?.end(stop.abort ? 'abort' : 'stop');
      }
    },
    offer(wanted, seen) {
      const keys = new Set(wanted.map(({ entry }) => jobName(entry.id)));
      for (const [key, seat] of seats) if (!keys.has(key) && !seat.member) letGo(seat);
      for (const { entry, share } of wanted) {
        if (!seats.has(jobName(entry.id))) sit(entry, share, ownTip(entry, seen)?.commit ?? null);
      }
    },
    takeBack(key) {
      const seat = seats.get(key);
      if (seat) letGo(seat);
    },
    async clear({ live, silence }) {
      const dead = [...live.nodes].filter(([key, { id, commit, node }]) => {
        if (node.runner === claimant.runner && node.instance !== claimant.instance) return true;
        if (node.runner === claimant.runner && !seats.has(jobName(id))) return true;
        return silence.silentFor(key, commit) >= node.lease;
      });
      const updates = dead.map(([, { id, node, commit }]) => ({
        ref: names.node(id, node.runner),
        from: commit,
        to: null,
      }));
      if (updates.length > 0) await shared.push(updates).catch(() => {});
    },
    leave() {
      for (const seat of seats.values()) {
        if (!seat.member) letGo(seat);
        else if (!seat.leaving) {
          seat.leaving = true;
          seat.member.end('leave');
          const endWaiting = clock.every(untilSeen, seat.release);
          void seat.ended.then(endWaiting);
        }
      }
    },
    async end() {
      await Promise.all([...seats.values()].map(({ ended }) => ended));
    },
  };
}
