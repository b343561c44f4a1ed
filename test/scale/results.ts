import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Outcome, Scenario } from './model/scenario.ts';

/** A scenario and what came of it. JSON knows no infinity: null stands for it. */
export interface Played {
  readonly scenario: Scenario;
  readonly outcome: Outcome;
}

const file = new URL('results.json', import.meta.url);

/** What has been played so far, by the name of its series. */
export function readResults(): Record<string, Played[]> {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).series : {};
}

/** In place of what there was of this series. */
export function keepResults(name: string, played: readonly Played[]): void {
  const series = { ...readResults(), [name]: played };
  writeFileSync(file, `${JSON.stringify({ format: 1, series }, null, 2)}\n`);
}
