import { createRandom } from '../../faults/simulation/random.ts';
import { quickCandidates, realCandidates } from './candidates.ts';
import { virtualClock } from './clock.ts';
import { openHost } from './host.ts';
import type { HostCosts } from './host-costs.ts';
import { type Fleet, startRunner } from './runner.ts';
import type { Outcome, Scenario } from './scenario.ts';

/** Plays a scenario to its end; the same one always ends the same. */
export function simulate(scenario: Scenario, costs: HostCosts): Outcome {
  const clock = virtualClock();
  const host = openHost(clock, costs, scenario);
  const isOver = () => host.counts.settled === scenario.jobs || clock.now() > scenario.longest;
  const fleet: Fleet = {
    scenario,
    clock,
    host,
    candidates: scenario.realCandidates ? realCandidates() : quickCandidates(),
    load: new Int32Array(scenario.runners),
    claims: { tried: 0, wasted: 0 },
    random: createRandom(scenario.seed),
    isOver,
    settled: () => host.submit(1),
  };
  host.submit(scenario.queued);
  for (let number = 0; number < scenario.runners; number += 1) startRunner(fleet, number);
  clock.run(isOver);
  const { lists, pushes, bytes, liveRefs, settled } = host.counts;
  const drained = clock.now();
  return {
    drained,
    finished: settled,
    claims: fleet.claims.tried,
    wasted: fleet.claims.wasted,
    lists,
    pushes,
    bytes,
    hostTime: host.time(),
    hostBusy: host.time() / (drained * scenario.cores),
    liveRefs,
    historyRefs: host.historyRefs(),
  };
}
