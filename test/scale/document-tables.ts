import type { Cost } from './measure/measured-host.ts';
import type { MeasuredCosts } from './model/host-costs.ts';
import type { Played } from './results.ts';
import {
  type Column,
  coresBusy,
  digits,
  efficiency,
  markdownTable,
  megabytesPerRunnerHour,
  minutes,
  percent,
  perJob,
  seconds,
  table,
} from './tables.ts';

const runners: Column = ['runners', ({ scenario }) => digits(scenario.runners)];
const drained: Column = ['drained in', ({ outcome }) => minutes(outcome.drained)];
const used: Column = ['of ideal', (played) => percent(efficiency(played))];
const claims: Column = ['claims a job', perJob('claims')];
const cores: Column = ['cores busy', coresBusy];
const bytes: Column = ['MB a runner and hour', megabytesPerRunnerHour];
const poll: Column = ['poll', ({ scenario }) => seconds(scenario.poll)];

const hours = (ms: number) => `${digits(ms / 3_600_000)} h`;

const fleetColumns: readonly Column[] = [
  ['latency', ({ scenario }) => `${scenario.latency} ms`],
  runners,
  ['jobs', ({ scenario }) => digits(scenario.jobs)],
  drained,
  used,
  claims,
  ['live refs at most', ({ outcome }) => digits(outcome.liveRefs)],
  cores,
  bytes,
];

const columns: Readonly<Record<string, readonly Column[]>> = {
  fleets: fleetColumns,
  drain: [
    ['latency', ({ scenario }) => `${scenario.latency} ms`],
    ['line, Gbit/s', ({ scenario }) => digits((8 * scenario.bandwidth) / 1e9)],
    ['drained in', ({ outcome }) => hours(outcome.drained)],
    used,
    ['claims too late', ({ outcome }) => percent(outcome.wasted / outcome.claims)],
    ['live refs at most', ({ outcome }) => digits(outcome.liveRefs)],
    cores,
    [
      'line busy',
      ({ scenario, outcome }) => percent((1000 * outcome.bytes) / outcome.drained / scenario.bandwidth),
    ],
    bytes,
  ],
  polls: [
    poll,
    cores,
    ['listings a second', ({ outcome }) => digits((1000 * outcome.lists) / outcome.drained)],
    ['pushes a second', ({ outcome }) => digits((1000 * outcome.pushes) / outcome.drained)],
    bytes,
  ],
  cores: [['cores', ({ scenario }) => String(scenario.cores)], runners, drained, used, claims, cores],
  logs: [
    ['a line every', ({ scenario }) => seconds(scenario.printsEvery)],
    ['pushes a job', perJob('pushes')],
    cores,
    bytes,
  ],
  history: [
    ['finished jobs before', ({ scenario }) => digits(scenario.history / 2)],
    ['archive', ({ scenario }) => (scenario.historyLimit === null ? 'no' : 'yes')],
    ['refs of history', ({ outcome }) => digits(outcome.historyRefs)],
    used,
    [
      'KB a push or listing',
      ({ outcome }) => digits(outcome.bytes / 1000 / (outcome.pushes + outcome.lists)),
    ],
    cores,
    bytes,
  ],
  queue: [
    ['queued', ({ scenario }) => digits(scenario.queued)],
    ['jobs done in 20 min', ({ outcome }) => digits(outcome.finished)],
    ['of ideal', (played) => percent(efficiency(played))],
    cores,
    bytes,
  ],
  grouping: [
    ['jobs at a time', ({ scenario }) => String(scenario.concurrency)],
    ['grouped', ({ scenario }) => (scenario.grouped ? 'yes' : 'no')],
    drained,
    ['pushes a job', perJob('pushes')],
    ['host, ms a job', ({ outcome }) => digits(outcome.hostTime / outcome.finished)],
    ['KB a job', ({ outcome }) => digits(outcome.bytes / 1000 / outcome.finished)],
  ],
  shards: [
    ['repositories', ({ scenario }) => digits(1_000 / scenario.runners)],
    ['runners of each', ({ scenario }) => digits(scenario.runners)],
    drained,
    used,
    claims,
    [
      'cores busy in all',
      ({ scenario, outcome }) => digits(((1_000 / scenario.runners) * outcome.hostTime) / outcome.drained),
    ],
    bytes,
  ],
};

/** The tables of docs/scale.md, by the names of the places where they stand. */
export function tablesOf(results: Readonly<Record<string, readonly Played[]>>): Map<string, string> {
  return new Map(
    Object.entries(results).flatMap(([name, played]) => {
      const wanted = columns[name];
      return wanted ? [[name, table(played, wanted)]] : [];
    }),
  );
}

/** What was measured of a host, as a table. */
export function costTable({ byHistory, byQueue, grouped }: MeasuredCosts): string {
  const words: Readonly<Record<string, string>> = {
    poll: 'a listing with nothing new',
    'first poll': 'the first listing: all is new',
    push: 'a push of 1 ref',
    [`push of ${grouped}`]: `a push of ${grouped} refs`,
  };
  const rows = (points: MeasuredCosts['byHistory'], what: string) =>
    Object.entries(points).flatMap(([count, costs]) =>
      Object.entries(costs).map(([name, cost]) =>
        row(`${digits(Number(count))} ${what}`, words[name] ?? name, cost),
      ),
    );
  const heads = ['the host has', 'what', 'host', 'client', 'KB', 'round trips'];
  return markdownTable(heads, [...rows(byHistory, 'refs of history'), ...rows(byQueue, 'queue entries')]);
}

function row(has: string, what: string, { host, client, bytes, roundTrips }: Cost): string[] {
  return [has, what, `${digits(host)} ms`, `${digits(client)} ms`, digits(bytes / 1000), String(roundTrips)];
}
