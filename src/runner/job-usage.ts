import type { Execution, UsageReading } from '../executor/executor.ts';
import type { GpuMeter } from '../executor/gpu-use.ts';
import type { JobSpec } from '../language/job-spec.ts';
import type { Allotment } from '../ledger/allotments.ts';
import type { Usage, UsageSeries } from '../ledger/usage.ts';
import type { Course } from './course.ts';
import { recordUsage } from './usage-series.ts';

/** Watches what one execution uses of the machine. Nothing waits for it, and nothing fails with it. */
export interface UsageWatch {
  /** The course of that execution, from whose start on it is watched. */
  watched<T extends Started>(course: T): T;
  /** @returns null: nothing was seen */
  end(): { totals: Usage; series: UsageSeries } | null;
}

type Started = Pick<Course, 'started'>;

/** Seconds between two looks at most; less while the points of its series are shorter. */
const longestBetween = 10;

/** @param held what it is held to, where it is held to something */
export function watchUsage(
  meter: GpuMeter,
  { gpus }: Pick<Allotment, 'gpus'>,
  held: Pick<JobSpec['resources'], 'cpu' | 'memory'>,
): UsageWatch {
  const ids = gpus.map(({ id }) => id);
  const recorder = recordUsage();
  let timer: NodeJS.Timeout | undefined;
  let over = false;

  const look = async (execution: Pick<Execution, 'usage'>) => {
    const [reading, uses] = await Promise.all([
      execution.usage().catch((): UsageReading | null => null),
      ids.length > 0 ? meter.read(ids) : null,
    ]);
    if (over) return;
    if (reading) recorder.add(reading, uses);
    next(execution);
  };
  const next = (execution: Pick<Execution, 'usage'>) => {
    timer = setTimeout(() => void look(execution), 1000 * Math.min(longestBetween, recorder.span()));
    timer.unref();
  };

  return {
    watched(course) {
      return {
        ...course,
        started(execution) {
          course.started(execution);
          if (!over) next(execution);
        },
      };
    },
    end() {
      over = true;
      clearTimeout(timer);
      const result = recorder.result();
      if (!result) return null;
      const { cpu, memory } = result.totals;
      const totals = {
        ...result.totals,
        cpu: { ...cpu, ...(held.cpu === null ? {} : { limit: held.cpu }) },
        memory: { ...memory, ...(held.memory === null ? {} : { limit: held.memory }) },
      };
      return { totals, series: result.series };
    },
  };
}
