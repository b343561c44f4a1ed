import { readFileSync } from 'node:fs';
import type { Cost } from '../measure/measured-host.ts';

/** What was measured: see `measure/measure.ts`. */
export interface MeasuredCosts {
  readonly git: string;
  readonly machine: string;
  readonly times: number;
  readonly grouped: number;
  readonly byHistory: Readonly<Record<string, Readonly<Record<string, Cost>>>>;
  readonly byQueue: Readonly<Record<string, Readonly<Record<string, Cost>>>>;
}

export function readMeasuredCosts(): MeasuredCosts {
  return JSON.parse(readFileSync(new URL('../measure/host-costs.json', import.meta.url), 'utf8'));
}

/** What a request costs, for any number of refs. */
export interface HostCosts {
  /**
   * @param refs all that the host has
   * @param listed those that it is asked for
   * @param fresh those of them that point at what the asker has not seen
   */
  list(refs: number, listed: number, fresh: number): Cost;
  /** @param updates how many refs the push changes */
  push(refs: number, updates: number): Cost;
}

/** Draws lines between what was measured, and beyond it the last one on. */
export function hostCosts({ byHistory, byQueue, grouped }: MeasuredCosts): HostCosts {
  const poll = curve(byHistory, 'poll');
  const listing = curve(byQueue, 'poll');
  const first = curve(byQueue, 'first poll');
  const push = curve(byHistory, 'push');
  const group = curve(byHistory, `push of ${grouped}`);
  const nothing = listing(0);
  return {
    list(refs, listed, fresh) {
      const entries = minus(listing(listed), nothing);
      const objects = fresh === 0 ? zero : minus(first(fresh), listing(fresh));
      return plus(poll(refs), entries, objects);
    },
    push(refs, updates) {
      const one = push(refs);
      if (updates <= 1) return one;
      return plus(one, times(minus(group(refs), one), (updates - 1) / (grouped - 1)));
    },
  };
}

/** The same on a processor that is slower by a factor, everywhere. */
export function slower(costs: HostCosts, factor: number): HostCosts {
  const slow = (cost: Cost) => ({ ...cost, host: cost.host * factor, client: cost.client * factor });
  return {
    list: (...args) => slow(costs.list(...args)),
    push: (...args) => slow(costs.push(...args)),
  };
}

const zero: Cost = { host: 0, client: 0, bytes: 0, roundTrips: 0 };

function curve(points: MeasuredCosts['byHistory'], what: string): (at: number) => Cost {
  const known = Object.entries(points)
    .flatMap(([at, costs]) => (costs[what] ? [{ at: Number(at), cost: costs[what] }] : []))
    .sort((a, b) => a.at - b.at);
  return (at) => {
    const found = known.findIndex((point) => point.at >= at);
    const above = found === -1 ? known.length - 1 : Math.max(1, found);
    const [low, high] = [known[above - 1], known[above]];
    if (!low || !high) throw new Error(`not measured: ${what}`);
    const share = (at - low.at) / (high.at - low.at);
    return plus(low.cost, times(minus(high.cost, low.cost), share));
  };
}

function combine(a: Cost, b: Cost, how: (x: number, y: number) => number): Cost {
  return {
    host: how(a.host, b.host),
    client: how(a.client, b.client),
    bytes: how(a.bytes, b.bytes),
    roundTrips: how(a.roundTrips, b.roundTrips),
  };
}

const plus = (...costs: Cost[]) => costs.reduce((a, b) => combine(a, b, (x, y) => x + y), zero);
/** Noise may make the greater the smaller; nothing costs less than nothing. */
const minus = (a: Cost, b: Cost) => combine(a, b, (x, y) => Math.max(0, x - y));
const times = (cost: Cost, factor: number) => combine(cost, zero, (x) => x * factor);
