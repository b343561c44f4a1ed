import type { NodeFile } from '../../../src/ledger/gangs/formats.ts';
import type { QueueEntry } from '../../../src/ledger/live.ts';
import { type JobId, jobName, refNames } from '../../../src/ledger/refs.ts';
import type { ClaimTip } from './claim-tips.ts';
import type { MemoryObjects } from './memory-objects.ts';
import type { Actor, World } from './world.ts';

/** A clock may run this much faster than another, so a lease can look that much shorter to an observer. */
const clockTolerance = 0.88;

/** Holds what becomes of jobs on several nodes against what is promised of them. */
export function createGangChecker(
  world: World,
  objects: MemoryObjects,
  instanceOf: (actor: Actor) => string,
  violate: (text: string) => void,
): {
  nodeChanged(name: JobId & { runner: string }, from: string | null, to: string | null, by: Actor): void;
  claimChanged(tip: ClaimTip): void;
  computes(entry: QueueEntry, gang: string, rank: number, live: () => boolean): void;
  acknowledged(ref: string): void;
} {
  const names = refNames();
  /** `gang offer` of all that have ever been ready. */
  const ready = new Set<string>();
  const begun = new Set<string>();
  const renewedAt = new Map<string, number>();
  /** Who computes, by `run/job`. */
  const computing = new Map<string, { gang: string; rank: number; live: () => boolean }[]>();
  const nodeOf = (commit: string): NodeFile =>
    JSON.parse(objects.read(`${commit}:node.json`)?.content.toString('utf8') ?? '{}') as NodeFile;

  return {
    nodeChanged(name, from, to, by) {
      const ref = names.node(name, name.runner);
      const before = from === null ? null : nodeOf(from);
      if (before && before.instance !== instanceOf(by) && !by.name.match(`^${name.runner}(\\.|$)`)) {
        const stood = world.now() - (renewedAt.get(ref) ?? 0);
        if (to !== null || stood < before.lease * 1000 * clockTolerance)
          violate(
            `${by.name} took ${name.runner}'s part in ${jobName(name)} away ${Math.round(stood)} ms after its renewal`,
          );
      }
      renewedAt.set(ref, world.now());
      const after = to === null ? null : nodeOf(to);
      if (after?.gang && after.state === 'ready') ready.add(`${after.gang} ${after.offer}`);
    },
    claimChanged(tip) {
      if (tip.kind !== 'claim' || tip.claim.gang?.phase !== 'begun' || begun.has(tip.claim.gang.id)) return;
      const { id, members } = tip.claim.gang;
      begun.add(id);
      for (const { runner, offer } of members)
        if (!ready.has(`${id} ${offer}`)) violate(`${jobName(tip.claim)} begins before ${runner} is ready`);
    },
    computes(entry, gang, rank, live) {
      const key = jobName(entry.id);
      const others = (computing.get(key) ?? []).filter((other) => other.live());
      if (!begun.has(gang) && rank > 0) violate(`a node of ${key} computes before its gang has begun`);
      for (const other of others) {
        if (other.gang !== gang) violate(`two gangs of ${key} compute at the same time`);
        else if (other.rank === rank && other.live !== live)
          violate(`two nodes of ${key} have the rank ${rank}`);
      }
      computing.set(key, [...others.filter((other) => other.live !== live), { gang, rank, live }]);
    },
    acknowledged: (ref) => void renewedAt.set(ref, world.now()),
  };
}
