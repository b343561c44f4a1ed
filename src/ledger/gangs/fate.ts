import type { Live } from '../live.ts';
import { jobName } from '../refs.ts';
import type { SilenceWatch } from '../silence.ts';
import type { Gang, NodeFile } from './formats.ts';

/** What was seen, and for how long it has stood so. */
export interface Seen {
  readonly live: Pick<Live, 'queue' | 'claims' | 'nodes'>;
  readonly silence: Pick<SilenceWatch, 'silentFor'>;
}

/**
 * What a node is to do. `joins`: a gang that counts on it is being gathered; `begins`: all are ready; `over`: there is
 * nothing to offer itself for, or its gang is no more; `unseen`: perhaps, but a listing can miss a ref.
 */
export type Fate = 'waits' | 'joins' | 'begins' | 'over' | 'unseen';

/** @param gang the one that it has joined; null: it has only offered itself. Pure. */
export function fateOf(
  node: Pick<NodeFile, 'run' | 'job' | 'offer' | 'queue'>,
  gang: string | null,
  { live, silence }: Seen,
): Fate {
  const key = jobName(node);
  const tip = live.claims.get(key);
  if (tip?.kind === 'finished') return 'over';
  if (live.queue.get(key)?.commit !== node.queue) return 'unseen';
  if (!tip) return gang === null ? 'waits' : 'unseen';
  const { claim } = tip;
  const counted = claim.gang?.members.some(({ offer }) => offer === node.offer) ?? false;
  const isDead = silence.silentFor(key, tip.commit) >= claim.lease;
  if (gang === null) return counted && !isDead && claim.gang?.phase === 'gathering' ? 'joins' : 'waits';
  if (isDead || claim.gang?.id !== gang || claim.gang.phase === 'ending') return 'over';
  return claim.gang.phase === 'begun' ? 'begins' : 'waits';
}

/** How one of the others is, as the node of rank 0 sees it. */
export type MemberState = 'called' | 'joined' | 'ready' | 'computes' | 'ended' | 'silent' | 'unseen';

export function memberState(
  gang: Pick<Gang, 'id'>,
  { runner, offer }: Gang['members'][number],
  job: string,
  { live, silence }: Seen,
): MemberState {
  const key = `${job}@${runner}`;
  const tip = live.nodes.get(key);
  if (tip?.node.offer !== offer) return 'unseen';
  const { node } = tip;
  if (node.gang === gang.id && node.state === 'ended') return 'ended';
  if (silence.silentFor(key, tip.commit) >= node.lease) return 'silent';
  if (node.gang !== gang.id) return 'called';
  if (node.state === 'joined' || node.state === 'ready') return node.state;
  return 'computes';
}
