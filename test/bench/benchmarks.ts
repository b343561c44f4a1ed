import type { Benchmark } from './benchmark.ts';
import { claims } from './rows/claims.ts';
import { disk } from './rows/disk.ts';
import { drain } from './rows/drain.ts';
import { history } from './rows/history.ts';
import { idle } from './rows/idle.ts';
import { logLatency } from './rows/log-latency.ts';
import { memory } from './rows/memory.ts';
import { noop } from './rows/noop.ts';
import { roundTrips } from './rows/round-trips.ts';
import { start } from './rows/start.ts';
import { store } from './rows/store.ts';
import { submit } from './rows/submit.ts';

/** In the order of the document. */
export const benchmarks: readonly Benchmark[] = [
  start,
  submit,
  noop,
  logLatency,
  drain,
  claims,
  idle,
  history,
  disk,
  store,
  memory,
  roundTrips,
];

/** Those of these names, in the document's order; without names, all. @throws Error that lists them for a name that is none */
export function chosen(names: readonly string[]): readonly Benchmark[] {
  const known = benchmarks.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`there is no benchmark ${unknown.join(', ')}; there are: ${known.join(', ')}`);
  return names.length === 0 ? benchmarks : benchmarks.filter(({ name }) => names.includes(name));
}
