import type { Ledger } from '../ledger/ledger.ts';
import type { Live, LiveReader } from '../ledger/live.ts';
import { jobName } from '../ledger/refs.ts';
import { type SilenceWatch, watchSilence } from '../ledger/silence.ts';
import { tipsOf } from '../ledger/stop.ts';

/** What a runner sees of the ledger, and for how long it has stood so. */
export interface Lookout {
  readonly silence: SilenceWatch;
  /** @param suspicious runs whose finished jobs are wanted, too */
  look(suspicious: ReadonlySet<string>): Promise<Live>;
  /** Is there a stop request for one of these jobs? Costs far less than a look. */
  seesStop(jobs: readonly string[]): Promise<boolean>;
  /** Looking has failed: what happened meanwhile is unknown. */
  failed(): void;
}

/** @param former instances that are known to be dead, with nothing left of what they executed */
export function openLookout(
  ledger: Ledger,
  reader: LiveReader,
  former: ReadonlySet<string> = new Set(),
): Lookout {
  const silence = watchSilence();
  /** Tips of claims that nobody will renew, however young they are. */
  let abandoned = new Set<string>();
  return {
    silence: {
      ...silence,
      silentFor: (key, tip) => (abandoned.has(tip) ? Number.POSITIVE_INFINITY : silence.silentFor(key, tip)),
    },
    async look(suspicious) {
      const before = ledger.clock.monotonic();
      const live = await reader.look(suspicious);
      silence.observe(
        new Map([...tipsOf(live.claims), ...tipsOf(live.nodes)]),
        before,
        ledger.clock.monotonic(),
      );
      abandoned = new Set(
        [...live.claims.values()].flatMap((tip) =>
          tip.kind === 'claim' && tip.claim.state !== 'waiting' && former.has(tip.claim.instance)
            ? [tip.commit]
            : [],
        ),
      );
      return live;
    },
    async seesStop(jobs) {
      const refs = await ledger.shared.list([ledger.names.area('stops')]);
      const wanted = new Set(jobs);
      return [...refs.keys()].some((ref) => {
        const parsed = ledger.names.parse(ref);
        return parsed?.area === 'stops' && wanted.has(jobName(parsed));
      });
    },
    failed: () => silence.forget(),
  };
}
