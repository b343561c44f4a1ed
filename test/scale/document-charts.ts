import { type Chart, drawChart, type Line } from './chart.ts';
import type { MeasuredCosts } from './model/host-costs.ts';
import { usual } from './model/scenario.ts';
import type { Played } from './results.ts';
import { efficiency } from './tables.ts';

const runnersAxis = { label: 'runners', ticks: [1, 10, 100, 1_000], log: true };
const percentAxis = { label: '% of the time that the jobs themselves need', ticks: [0, 20, 40, 60, 80, 100] };

/** The charts of docs/scale.md, by the names of their files. */
export function chartsOf(
  { fleets: smaller = [], drain = [], cores = [], polls = [] }: Readonly<Record<string, readonly Played[]>>,
  { byHistory }: MeasuredCosts,
): Map<string, string> {
  // The largest fleet is one of its own, and once with another line.
  const fleets = [...smaller, ...drain.filter(({ scenario }) => scenario.bandwidth === usual.bandwidth)];
  const charts: Record<string, Chart> = {
    'fleets.svg': {
      title: 'Jobs of a minute, a host of 16 cores',
      x: runnersAxis,
      y: percentAxis,
      lines: linesBy(fleets, ({ scenario }) => `${scenario.latency} ms away`, runnersOf, used),
    },
    'wasted.svg': {
      title: 'Claims that came too late, of a hundred',
      x: runnersAxis,
      y: { label: '%', ticks: [0, 2, 4, 6, 8, 10] },
      lines: linesBy(fleets, ({ scenario }) => `${scenario.latency} ms away`, runnersOf, wasted),
    },
    'cores.svg': {
      title: 'Jobs of a minute, by the cores of the host',
      x: { label: 'runners', ticks: [100, 300, 1_000], log: true },
      y: percentAxis,
      lines: linesBy(cores, ({ scenario }) => `${scenario.cores} cores`, runnersOf, used),
    },
    'polls.svg': {
      title: 'A thousand idle runners: cores of the host that are busy, of four',
      x: { label: 'poll, seconds', ticks: [1, 2, 5, 10, 30], log: true },
      y: { label: 'cores', ticks: [0, 1, 2, 3, 4] },
      lines: [...linesBy(polls, () => 'idle', pollOf, busy)],
    },
    'push.svg': {
      title: 'A push of one ref, by how many the repository has',
      x: { label: 'refs', ticks: [1, 1_000, 10_000, 100_000], log: true },
      y: { label: 'bytes', ticks: [1_000, 10_000, 100_000, 1_000_000, 10_000_000], log: true },
      lines: [
        {
          name: 'bytes sent',
          points: Object.entries(byHistory).map(([refs, costs]) => ({
            x: Math.max(1, Number(refs)),
            y: costs.push?.bytes ?? 0,
          })),
        },
      ],
    },
  };
  return new Map(Object.entries(charts).map(([name, chart]) => [name, drawChart(chart)]));
}

const runnersOf = ({ scenario }: Played) => scenario.runners;
const pollOf = ({ scenario }: Played) => scenario.poll / 1000;
const used = (played: Played) => 100 * efficiency(played);
const wasted = ({ outcome }: Played) => (100 * outcome.wasted) / Math.max(1, outcome.claims);
const busy = ({ outcome }: Played) => outcome.hostTime / outcome.drained;

function linesBy(
  played: readonly Played[],
  nameOf: (played: Played) => string,
  x: (played: Played) => number,
  y: (played: Played) => number,
): Line[] {
  const names = [...new Set(played.map(nameOf))];
  return names.map((name) => ({
    name,
    points: played.filter((one) => nameOf(one) === name).map((one) => ({ x: x(one), y: y(one) })),
  }));
}
