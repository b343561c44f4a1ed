import type { Live, NodeTip, QueueEntry } from '../live.ts';
import { jobName } from '../refs.ts';
import type { SilenceWatch } from '../silence.ts';

/** What is known of who offers himself, and for how long it has stood so. */
export interface Offers {
  readonly live: Pick<Live, 'nodes'>;
  readonly silence: Pick<SilenceWatch, 'silentFor'>;
}

/**
 * The order in which jobs for several nodes are gathered, the same for all runners: a free runner offers itself to the
 * first that it fits, and takes back what it has offered to a later one. So of several jobs that each have a part of what
 * they need the first gets the rest, and none waits for another.
 */
export function comesBefore(a: QueueEntry, b: QueueEntry): number {
  // By what is claimed, since what each has seen differs: whoever lies about the time only comes first.
  const priority = (b.job.priority ?? 0) - (a.job.priority ?? 0);
  if (priority !== 0) return priority;
  if (a.submittedAt !== b.submittedAt) return a.submittedAt < b.submittedAt ? -1 : 1;
  return jobName(a.id) < jobName(b.id) ? -1 : 1;
}

/**
 * To which jobs a runner is to offer itself, as far as its room goes. Pure.
 * @param waiting jobs that gather their nodes and fit this runner
 * @param allot what a job would get beside those that run and what has been allotted in this call; null: not now
 */
export function offersToMake<Job extends { readonly entry: QueueEntry }, Share>(
  waiting: readonly Job[],
  room: number,
  allot: (job: Job) => Share | null,
): { job: Job; share: Share }[] {
  const made: { job: Job; share: Share }[] = [];
  for (const job of [...waiting].sort((a, b) => comesBefore(a.entry, b.entry))) {
    if (made.length >= room) break;
    const share = allot(job);
    if (share !== null) made.push({ job, share });
  }
  return made;
}

/** Those that are nodes of a job, or offer themselves, and are not known to be dead; in the order of their names. */
export function nodesOf(entry: QueueEntry, { live, silence }: Offers): NodeTip[] {
  const self = jobName(entry.id);
  return [...live.nodes]
    .filter(
      ([key, { id, commit, node }]) =>
        jobName(id) === self && node.queue === entry.commit && silence.silentFor(key, commit) < node.lease,
    )
    .map(([, tip]) => tip)
    .sort((a, b) => (a.node.runner < b.node.runner ? -1 : 1));
}

/**
 * Who can begin a job now, in the order of their names; whoever of them claims it is the node of rank 0. Null: too few have
 * offered themselves, or of a former gang somebody may be computing still. Pure.
 */
export function gangOf(entry: QueueEntry, offers: Offers): NodeTip[] | null {
  const nodes = nodesOf(entry, offers);
  if (nodes.some(({ node }) => node.state !== 'offered' && node.state !== 'joined')) return null;
  const free = nodes.filter(({ node }) => node.state === 'offered');
  const { nodes: size = 1 } = entry.job.spec;
  return free.length < size ? null : free.slice(0, size);
}
