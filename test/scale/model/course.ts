import type { Process } from './clock.ts';
import type { Outbox } from './outbox.ts';
import type { Fleet } from './runner.ts';

/** Between two pushes of a log, as in `src/runner/log-pump.ts`: at least so long, and a multiple of what one took. */
const flushAfter = 400;
const idlePart = 4;

/** What a claimed job asks of the host, up to its end: as `src/runner/carry-out.ts` and `src/ledger/settle.ts` do it. */
export function* carryOut(fleet: Fleet, outbox: Outbox, job: number): Process {
  const { scenario, clock, host, random } = fleet;
  // The snapshot; then what is in the cache and who else makes the same.
  for (let requests = 0; requests < 3; requests += 1) yield* host.ask();
  const begun = clock.now();
  const end = begun + scenario.duration * (0.75 + random() / 2);
  const renewal = (scenario.lease * 1000) / 3;
  const renew = () => outbox.push(1, () => host.change(job));
  let renewAt = begun + renewal;
  let flushAt = begun + scenario.printsEvery + flushAfter;
  // That it runs is told a moment after it began, unless it has ended by then.
  if (end > begun + 200) {
    yield { ms: 200 };
    yield* renew();
  }
  while (clock.now() < end) {
    yield { ms: Math.min(end, renewAt, flushAt) - clock.now() };
    if (clock.now() >= end) break;
    const start = clock.now();
    // A flush of the log is a renewal, too.
    yield* renew();
    renewAt = start + renewal;
    const took = clock.now() - start;
    flushAt = Math.max(start + scenario.printsEvery, clock.now() + Math.max(flushAfter, idlePart * took));
  }
  yield* outbox.push(1, () => host.change(job));
  yield* host.ask();
  // Its outcome, its log, its queue entry; then the cache; then the claim.
  yield* outbox.push(3, () => {});
  yield* outbox.push(1, () => {});
  yield* outbox.push(1, () => host.settle(job));
  fleet.settled();
}
