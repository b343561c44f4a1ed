import { backOff } from '../back-off.ts';
import { openOutbox } from '../chunk-outbox.ts';
import { trailers, treeOf } from '../claim-commits.ts';
import type { Claimant } from '../claims.ts';
import { compareAndSwap, type SwapResult } from '../compare-and-swap.ts';
import { formatVersion, printFile } from '../formats.ts';
import { inOrder } from '../in-order.ts';
import { type Ledger, signature } from '../ledger.ts';
import type { QueueEntry } from '../live.ts';
import type { NewChunk } from '../log-chunks.ts';
import type { NodeFile } from './formats.ts';

export type NodeChange = Partial<Pick<NodeFile, 'gang' | 'state' | 'detail' | 'end'>> & {
  /** More of the log. */
  chunks?: readonly NewChunk[];
};

/** A runner's own node ref of a job: an offer first, then a lease like a claim's. Its calls go one after the other. */
export interface NodeHolder {
  readonly entry: QueueEntry;
  claim(): NodeFile;
  /** `Clock.monotonic` at the start of the last swap that was acknowledged. */
  acknowledgedAt(): number;
  /** Renews, and says what is new; if the repository can't be reached that goes with the next one. */
  renew(change?: NodeChange): Promise<SwapResult | 'unknown'>;
  /** Takes the ref away, if it still is this holder's. */
  remove(): Promise<void>;
}

/** A swap that hangs is given up in time for another try before the lease runs out. */
const limitOf = (lease: number) => Math.max(5_000, (lease * 1000) / 3);

/**
 * Puts up a runner's offer to be a node of a job. The ref is that of this runner's name, so offers are in nobody's way.
 * @param over what a former process of this runner has left there
 * @returns null if that is not known to have succeeded
 */
export async function offerNode(
  ledger: Ledger,
  entry: QueueEntry,
  { runner, host, instance, lease }: Claimant,
  over: string | null,
): Promise<NodeHolder | null> {
  const { shared, names, clock } = ledger;
  const ref = names.node(entry.id, runner);
  const mine = new Set<string>();
  let node: NodeFile = {
    format: formatVersion,
    run: entry.id.run,
    job: entry.id.job,
    runner,
    host,
    instance,
    nonce: clock.id(),
    lease,
    queue: entry.commit,
    offer: clock.id(),
    gang: null,
    state: 'offered',
    detail: null,
    end: null,
  };
  const outbox = await openOutbox(shared, null);
  let tip = over;
  let tree: string | null = null;
  let acknowledgedAt = clock.monotonic();
  let pending: Omit<NodeChange, 'chunks'> = {};
  let removed = false;
  const oneAtATime = inOrder();

  const swap = async (): Promise<SwapResult | 'unknown'> => {
    const taken = pending;
    const told = outbox.load();
    const next: NodeFile = { ...node, ...taken, nonce: clock.id() };
    const [commit] = await shared.write([
      {
        parents: [],
        baseTree: tree,
        files: [{ path: 'node.json', content: printFile(next) }, ...told.files],
        message: `${next.state}: ${next.job} on ${runner}\n\n${trailers(entry.id)}`,
        author: signature(ledger),
      },
    ]);
    const to = commit as string;
    mine.add(to);
    const nextTree = await treeOf(ledger, to);
    const startedAt = clock.monotonic();
    const result = await compareAndSwap(
      shared,
      { ref, from: tip, to },
      mine,
      backOff(clock, 3),
      limitOf(lease),
    );
    if (result !== 'won') return result;
    node = next;
    tip = to;
    tree = nextTree;
    acknowledgedAt = startedAt;
    mine.clear();
    mine.add(to);
    if (pending === taken) pending = {};
    told.arrived();
    return result;
  };

  if ((await swap()) !== 'won') return null;
  return {
    entry,
    claim: () => node,
    acknowledgedAt: () => acknowledgedAt,
    renew({ chunks = [], ...change } = {}) {
      pending = { ...pending, ...change };
      outbox.add({ log: chunks });
      return oneAtATime(async () => (removed ? 'lost' : swap()));
    },
    remove() {
      removed = true;
      return oneAtATime(async () => {
        await compareAndSwap(shared, { ref, from: tip, to: null }, mine, backOff(clock, 5), limitOf(lease));
      });
    },
  };
}
