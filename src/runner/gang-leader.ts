import type { ClaimHolder } from '../ledger/claim-holder.ts';
import { type MemberState, memberState, type Seen } from '../ledger/gangs/fate.ts';
import type { Gang, NodeEnd } from '../ledger/gangs/formats.ts';
import { nodeKey } from '../ledger/live.ts';
import { jobName } from '../ledger/refs.ts';

/** One of the others of a gang, as the node of rank 0 sees it. */
export interface Peer {
  readonly rank: number;
  readonly runner: string;
  readonly state: MemberState;
  /** How its commands ended. */
  readonly end: NodeEnd | null;
}

/** The node of rank 0 of a gang, whose runner has the claim. */
export interface GangLeader {
  readonly gang: Gang;
  /** To be called at each look. */
  see(seen: Seen): void;
  /**
   * Resolves when all of the others are ready; or with one that has ended already, or is gone.
   * @param cut resolves when there is no more use in waiting
   */
  gathered(cut: Promise<unknown>): Promise<'ready' | 'cut' | Peer>;
  /** All may begin. */
  begin(): Promise<unknown>;
  /** Resolves with the first of the others that does not end well; null: all have ended well. */
  readonly ended: Promise<Peer | null>;
  /** All are to end. Resolves when nothing of the others is left, as far as that can be seen. */
  end(): Promise<void>;
  /** Those that have ended so far, or are gone, with what is not well. */
  failures(): Peer[];
}

/** A ref that a listing has missed is there in the next one. */
const looksToBelieve = 2;

const isGone = ({ state }: Pick<Peer, 'state'>): boolean => state === 'silent' || state === 'unseen';
const isOver = (peer: Peer): boolean => peer.state === 'ended' || isGone(peer);
const endedWell = ({ state, end }: Peer): boolean =>
  state === 'ended' &&
  end !== null &&
  end.exitCode === 0 &&
  end.failure === null &&
  !end.lost &&
  !end.outOfMemory;

/**
 * @param holder of the claim, in which the gang stands
 * @param told called with each commit of a node that is new
 */
export function leadGang(
  holder: Pick<ClaimHolder, 'id' | 'claim' | 'renew'>,
  told: (rank: number, commit: string) => void,
): GangLeader {
  const job = jobName(holder.id);
  const first = holder.claim().gang;
  if (!first) throw new Error(`the claim of ${job} has no gang`);
  let gang = first;
  let peers: (Peer & { looks: number })[] = gang.members.map(({ runner }, index) => ({
    rank: index + 1,
    runner,
    state: 'called',
    end: null,
    looks: 0,
  }));
  const commits = new Map<number, string>();
  let waiting: { holds: () => boolean; resolve: () => void }[] = [];

  const until = (holds: () => boolean): Promise<void> =>
    holds() ? Promise.resolve() : new Promise((resolve) => waiting.push({ holds, resolve }));
  const enter = (phase: Gang['phase']) => {
    gang = { ...gang, phase };
    return holder.renew({ gang });
  };
  const failures = () => peers.filter((peer) => isOver(peer) && !endedWell(peer));
  const ended = until(() => failures().length > 0 || peers.every(isOver)).then(() => failures()[0] ?? null);

  return {
    get gang() {
      return gang;
    },
    see(seen) {
      peers = peers.map((peer) => {
        const member = gang.members[peer.rank - 1] as Gang['members'][number];
        if (isOver(peer)) return peer;
        const state = memberState(gang, member, job, seen);
        const tip = seen.live.nodes.get(nodeKey(job, peer.runner));
        if (state === 'unseen') {
          const looks = peer.looks + 1;
          return { ...peer, looks, state: looks < looksToBelieve ? peer.state : state };
        }
        if (tip && commits.get(peer.rank) !== tip.commit) {
          commits.set(peer.rank, tip.commit);
          told(peer.rank, tip.commit);
        }
        return { ...peer, state, end: state === 'ended' ? (tip?.node.end ?? null) : null, looks: 0 };
      });
      const over = waiting.filter(({ holds }) => holds());
      waiting = waiting.filter((one) => !over.includes(one));
      for (const { resolve } of over) resolve();
    },
    async gathered(cut) {
      const ready = until(() => peers.some(isOver) || peers.every(({ state }) => state === 'ready')).then(
        () => peers.find(isOver) ?? ('ready' as const),
      );
      return Promise.race([ready, cut.then(() => 'cut' as const)]);
    },
    begin: () => enter('begun'),
    ended,
    async end() {
      await enter('ending');
      await until(() => peers.every(isOver));
    },
    failures,
  };
}
