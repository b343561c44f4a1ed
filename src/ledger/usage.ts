import * as z from 'zod';

/** More points have no series: a longer job has coarser ones. */
export const mostPoints = 120;

const amount = z.number().nonnegative();

/** What a job has used of its machine in all, as a record keeps it: a job that ended within a second has none. */
export const usageSchema = z.lazy(() =>
  z.strictObject({
    /** For how long that was watched. */
    seconds: amount,
    /** In CPUs: 2.5 is two and a half of them. `limit`: what it was held to. */
    cpu: z.strictObject({ mean: amount, peak: amount, limit: amount.optional() }),
    /** Bytes, like all that follow. */
    memory: z.strictObject({ peak: amount, limit: amount.optional() }),
    /** Of those that were its own: percent of the time in which they computed; null: they don't say. */
    gpu: z
      .strictObject({
        count: z.number().int().positive(),
        mean: amount.nullable(),
        peak: amount.nullable(),
        memory: amount.nullable(),
      })
      .optional(),
    disk: z.strictObject({ read: amount, written: amount }).optional(),
    network: z.strictObject({ received: amount, sent: amount }).optional(),
  }),
);

export type Usage = z.infer<typeof usageSchema>;

/** What a point of a series can tell: means (CPUs, percent, bytes a second), of memory the most. */
export const usageColumns = [
  'cpu',
  'memory',
  'gpu',
  'gpuMemory',
  'diskRead',
  'diskWritten',
  'received',
  'sent',
] as const;

export type UsageColumn = (typeof usageColumns)[number];

const column = z.array(amount.nullable()).max(mostPoints);

/** `usage.json`: the same over time. Point `i` is of the `span` seconds from `i * span` on; null: not seen. */
export const usageSeriesSchema = z.lazy(() =>
  z.strictObject({
    format: z.literal(1),
    /** Seconds. */
    span: z.number().positive(),
    points: z.partialRecord(z.enum(usageColumns), column),
  }),
);

export type UsageSeries = z.infer<typeof usageSeriesSchema>;

/** The bytes of that file: a line, since numbers below each other say little. */
export function printUsage(series: UsageSeries): string {
  return `${JSON.stringify(series)}\n`;
}
