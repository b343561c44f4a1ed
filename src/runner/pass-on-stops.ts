import type { Live } from '../ledger/live.ts';
import type { JobControl } from './execute-job.ts';

/** Tells a runner's jobs who wants them stopped. */
export function passOnStops(live: Live, jobs: ReadonlyMap<string, JobControl>): void {
  for (const [key, control] of jobs) {
    const request = live.stops.get(key);
    const entry = live.queue.get(key);
    if (request && entry && request.stop.queue === entry.commit) {
      control.stop(request.stop.abort ? 'abort' : 'stop', request.stop.by);
    }
  }
}
