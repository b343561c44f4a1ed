import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { RealFleet } from './measure/real-fleet.ts';
import type { Outcome } from './model/scenario.ts';
import { digits, markdownTable, seconds } from './tables.ts';

/** A fleet that really ran, and the same one in the model. */
export interface Validation {
  readonly real: RealFleet;
  readonly model: Outcome;
}

const file = new URL('validation.json', import.meta.url);

export function readValidation(): Validation[] {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).fleets : [];
}

export function keepValidation(fleets: readonly Validation[]): void {
  writeFileSync(file, `${JSON.stringify({ format: 1, fleets }, null, 2)}\n`);
}

/** Real and modelled figures side by side, and their ratio. */
export function validationTable(fleets: readonly Validation[]): string {
  const rows = fleets.flatMap(({ real, model }) => {
    const compare = (what: string, of: number, modelled: number, print = digits) => [
      `${real.runners} runners, ${real.jobs} jobs`,
      what,
      print(of),
      print(modelled),
      digits(modelled / of),
    ];
    return [
      compare('drained in', real.drained, model.drained, seconds),
      compare('pushes a job', real.pushes / real.jobs, model.pushes / real.jobs),
      compare('listings a job', real.lists / real.jobs, model.lists / real.jobs),
      compare('KB a job', real.bytes / 1000 / real.jobs, model.bytes / 1000 / real.jobs),
      compare('pushes refused', real.refused, model.wasted),
    ];
  });
  return markdownTable(['fleet', 'what', 'real', 'model', 'model / real'], rows);
}
