import { type Scenario, usual } from './model/scenario.ts';

/** Scenarios that one table of docs/scale.md is made from: they differ in one or two things. */
export interface Series {
  readonly name: string;
  readonly scenarios: readonly Scenario[];
}

const minute = 60_000;
/** A host with room for a thousand runners, and one as most are. */
const large = { cores: 16 };
const thousand = { runners: 1_000, jobs: 100_000, ...large };

function series(name: string, ...variants: Partial<Scenario>[]): Series {
  return { name, scenarios: variants.map((variant) => ({ ...usual, ...variant })) };
}

export const allSeries: readonly Series[] = [
  series('drain', ...[1, 10, 100].map((latency) => ({ ...thousand, latency })), {
    ...thousand,
    bandwidth: 10 * usual.bandwidth,
  }),
  series(
    'fleets',
    ...[10, 1, 100].flatMap((latency) =>
      [1, 10, 100, 300].map((runners) => ({ runners, jobs: 10 * runners, ...large, latency })),
    ),
  ),
  // Nothing to do: what runners cost that only wait.
  series(
    'polls',
    ...[1_000, 2_000, 5_000, 10_000, 30_000].map((poll) => ({
      runners: 1_000,
      jobs: 1,
      queued: 0,
      poll,
      longest: 10 * minute,
    })),
  ),
  series(
    'cores',
    ...[1, 2, 4, 8].flatMap((cores) =>
      [100, 300, 1_000].map((runners) => ({ runners, jobs: 10 * runners, cores })),
    ),
  ),
  series(
    'logs',
    ...[1_000, 10_000, 60_000, Number.POSITIVE_INFINITY].map((printsEvery) => ({
      runners: 100,
      jobs: 1_000,
      printsEvery,
    })),
  ),
  series(
    'history',
    ...[0, 1_000, 10_000, 100_000].flatMap((finished) =>
      [null, 300].map((historyLimit) => ({
        runners: 20,
        jobs: 200,
        history: 2 * finished,
        historyLimit,
      })),
    ),
  ),
  series(
    'queue',
    ...[200, 2_000, 10_000, 100_000].map((queued) => ({
      runners: 100,
      jobs: queued + 1_000,
      queued,
      longest: 20 * minute,
    })),
  ),
  series(
    'grouping',
    ...[1, 4, 16].flatMap((concurrency) =>
      [false, true].map((grouped) => ({
        runners: 4,
        concurrency,
        jobs: 400 * concurrency,
        duration: 1_000,
        queued: 500,
        printsEvery: Number.POSITIVE_INFINITY,
        grouped,
      })),
    ),
  ),
  series('shards', ...[1, 2, 4, 10].map((shards) => ({ runners: 1_000 / shards, jobs: 10_000 / shards }))),
];
