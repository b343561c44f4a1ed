import type { Measured } from '../ledger/read-measured.ts';
import type { MetricsAnswer } from './answer-types.ts';

/** Lines of one job that are drawn: a screen has fewer pixels. */
export const mostPoints = 4_000;

/** Of jobs that have measured more lines than can be seen, every so many one, and the last. Pure. */
export function thinned(jobs: readonly Measured[], most = mostPoints): MetricsAnswer {
  const step = ({ points }: Measured) => Math.ceil(points.length / most);
  return {
    jobs: jobs.map((job) => {
      const every = step(job);
      if (every <= 1) return job;
      const last = job.points.length - 1;
      return { ...job, points: job.points.filter((_, index) => index % every === 0 || index === last) };
    }),
    thinned: Object.fromEntries(jobs.filter((job) => step(job) > 1).map((job) => [job.job, step(job)])),
  };
}
