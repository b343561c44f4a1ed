import { type Measurements, measurementOf } from './measurements.ts';

/** A measurement of one job over another: `x` in ascending order, `y` not finite where it was no number. */
export type SeriesPoints = readonly { readonly x: number; readonly y: number }[];

/** By what the points of lines are placed that are drawn together; null: by their number in the file. */
export function defaultAxis(jobs: readonly (readonly Measurements[])[]): string | null {
  const measured = jobs.filter((points) => points.length > 0);
  const all = measured.every((points) => points.some(({ step }) => typeof step === 'number'));
  return all && measured.length > 0 ? 'step' : null;
}

/** The names of what is a number in some line. */
export function numericNames(jobs: readonly (readonly Measurements[])[]): string[] {
  const names = new Set<string>();
  for (const points of jobs)
    for (const point of points)
      for (const [name, value] of Object.entries(point)) if (typeof value === 'number') names.add(name);
  return [...names];
}

/** @param axis as {@link defaultAxis}; lines that don't have it are left out */
export function seriesOf(points: readonly Measurements[], name: string, axis: string | null): SeriesPoints {
  const series = points.flatMap((point, index) => {
    const [x, y] = [axis === null ? index + 1 : measurementOf(point, axis), measurementOf(point, name)];
    if (typeof x !== 'number' || !Number.isFinite(x) || y === undefined) return [];
    return [{ x, y: typeof y === 'number' ? y : Number.NaN }];
  });
  return series.sort((a, b) => a.x - b.x);
}
