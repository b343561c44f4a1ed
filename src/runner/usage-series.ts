import type { UsageReading } from '../executor/executor.ts';
import type { GpuUse } from '../executor/gpu-use.ts';
import { mostPoints, type Usage, type UsageColumn, type UsageSeries, usageColumns } from '../ledger/usage.ts';

/** What a job uses over time, in few points however long it runs. */
export interface UsageRecorder {
  /** Times must grow. */
  add(reading: UsageReading, gpus: readonly GpuUse[] | null): void;
  /** Seconds that a point is of; it doubles whenever there would be too many. */
  span(): number;
  /** Null: nothing was seen. */
  result(): { totals: Omit<Usage, 'limits'>; series: UsageSeries } | null;
}

/** Sums and maxima, from which two points can be made one. */
interface Point {
  seconds: number;
  cpu: number;
  memory: number;
  diskRead: number | null;
  diskWritten: number | null;
  received: number | null;
  sent: number | null;
  gpu: { sum: number; count: number };
  gpuMemory: number | null;
}

/** A moment too short to tell a rate from, seconds. */
const leastBetween = 0.2;

export function recordUsage(): UsageRecorder {
  let span = 1;
  let points: (Point | null)[] = [];
  let last: UsageReading = { seconds: 0, cpu: 0, memory: 0, disk: null, network: null };
  let peakCpu = 0;
  let peakGpu: number | null = null;
  let gpuCount = 0;

  return {
    span: () => span,
    add(reading, gpus) {
      const seconds = reading.seconds - last.seconds;
      if (!(seconds >= leastBetween)) return;
      const utilisation = meanOf((gpus ?? []).flatMap((gpu) => gpu.utilisation ?? []));
      const point: Point = {
        seconds,
        cpu: growth(reading.cpu, last.cpu),
        memory: reading.memory,
        diskRead: reading.disk && growth(reading.disk.read, last.disk?.read ?? 0),
        diskWritten: reading.disk && growth(reading.disk.written, last.disk?.written ?? 0),
        received: reading.network && growth(reading.network.received, last.network?.received ?? 0),
        sent: reading.network && growth(reading.network.sent, last.network?.sent ?? 0),
        gpu: utilisation === null ? { sum: 0, count: 0 } : { sum: utilisation, count: 1 },
        gpuMemory: sumOf((gpus ?? []).flatMap((gpu) => gpu.memory ?? [])),
      };
      last = reading;
      peakCpu = Math.max(peakCpu, point.cpu / seconds);
      if (utilisation !== null) peakGpu = Math.max(peakGpu ?? 0, utilisation);
      gpuCount = Math.max(gpuCount, gpus?.length ?? 0);
      // A reading at the very end of a point's time belongs to it.
      while (indexOf(reading.seconds, span) >= mostPoints) {
        span *= 2;
        points = halve(points);
      }
      const index = indexOf(reading.seconds, span);
      while (points.length <= index) points.push(null);
      points[index] = merge(points[index] ?? null, point);
    },
    result() {
      const seen = points.reduce(merge, null);
      if (!seen) return null;
      return {
        totals: {
          seconds: round(seen.seconds, 1),
          cpu: { mean: round(seen.cpu / seen.seconds, 2), peak: round(peakCpu, 2) },
          memory: { peak: seen.memory },
          ...(gpuCount > 0
            ? {
                gpu: {
                  count: gpuCount,
                  mean: seen.gpu.count > 0 ? round(seen.gpu.sum / seen.gpu.count, 1) : null,
                  peak: peakGpu,
                  memory: seen.gpuMemory,
                },
              }
            : {}),
          ...(seen.diskRead === null
            ? {}
            : { disk: { read: seen.diskRead, written: seen.diskWritten ?? 0 } }),
          ...(seen.received === null ? {} : { network: { received: seen.received, sent: seen.sent ?? 0 } }),
        },
        series: { format: 1, span, points: columnsOf(points) },
      };
    },
  };
}

function indexOf(seconds: number, span: number): number {
  return Math.max(0, Math.ceil(seconds / span) - 1);
}

function halve(points: readonly (Point | null)[]): (Point | null)[] {
  return Array.from({ length: Math.ceil(points.length / 2) }, (_, index) =>
    merge(points[2 * index] ?? null, points[2 * index + 1] ?? null),
  );
}

function merge(a: Point | null, b: Point | null): Point | null {
  if (!a || !b) return a ?? b;
  return {
    seconds: a.seconds + b.seconds,
    cpu: a.cpu + b.cpu,
    memory: Math.max(a.memory, b.memory),
    diskRead: sumOf([a.diskRead, b.diskRead]),
    diskWritten: sumOf([a.diskWritten, b.diskWritten]),
    received: sumOf([a.received, b.received]),
    sent: sumOf([a.sent, b.sent]),
    gpu: { sum: a.gpu.sum + b.gpu.sum, count: a.gpu.count + b.gpu.count },
    gpuMemory: a.gpuMemory === null ? b.gpuMemory : Math.max(a.gpuMemory, b.gpuMemory ?? 0),
  };
}

/** Those that say nothing at all are left out. */
function columnsOf(points: readonly (Point | null)[]): UsageSeries['points'] {
  const rate = (amount: number | null, seconds: number) =>
    amount === null ? null : Math.round(amount / seconds);
  const toldBy: Record<UsageColumn, (point: Point) => number | null> = {
    cpu: ({ cpu, seconds }) => round(cpu / seconds, 2),
    memory: ({ memory }) => memory,
    gpu: ({ gpu }) => (gpu.count > 0 ? round(gpu.sum / gpu.count, 1) : null),
    gpuMemory: ({ gpuMemory }) => gpuMemory,
    diskRead: ({ diskRead, seconds }) => rate(diskRead, seconds),
    diskWritten: ({ diskWritten, seconds }) => rate(diskWritten, seconds),
    received: ({ received, seconds }) => rate(received, seconds),
    sent: ({ sent, seconds }) => rate(sent, seconds),
  };
  const columns = usageColumns.map(
    (name) => [name, points.map((point) => point && toldBy[name](point))] as const,
  );
  return Object.fromEntries(columns.filter(([, values]) => values.some((value) => value !== null)));
}

/** What a process counted can be lost with it: then nothing is known to have grown. */
function growth(now: number, before: number): number {
  return Math.max(0, now - before);
}

function sumOf(numbers: readonly (number | null)[]): number | null {
  const known = numbers.filter((number) => number !== null);
  return known.length > 0 ? known.reduce((a, b) => a + b, 0) : null;
}

function meanOf(numbers: readonly number[]): number | null {
  return numbers.length > 0 ? numbers.reduce((a, b) => a + b, 0) / numbers.length : null;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
