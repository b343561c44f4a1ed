/** Of a series of measurements: its middle, and between what the middle half of it lies. */
export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** How many there were. */
  readonly runs: number;
}

/** The value below which this part (0 to 1) of the values lies, interpolated between neighbours. */
export function quantile(values: readonly number[], part: number): number {
  if (values.length === 0) throw new Error('there is no quantile of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const at = part * (sorted.length - 1);
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (above - below) * (at - Math.floor(at));
}

/** Median and quartiles. @throws Error if there are no values */
export function summarize(values: readonly number[]): Summary {
  return {
    median: quantile(values, 0.5),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
    runs: values.length,
  };
}

/**
 * The ratio of two sides. Of rounds in which both were measured, one right after the other, whatever slowed the machine
 * down for a while slowed both: each round has a ratio of its own. Of series of different lengths, it is the ratio of
 * the medians, with how far the quartiles allow it to be off.
 */
export function ratioOf(measured: readonly number[], floor: readonly number[]): Summary {
  if (measured.length === floor.length)
    return summarize(measured.map((value, round) => value / (floor[round] as number)));
  const [above, below] = [summarize(measured), summarize(floor)];
  return {
    median: above.median / below.median,
    low: above.low / below.high,
    high: above.high / below.low,
    runs: Math.min(above.runs, below.runs),
  };
}
