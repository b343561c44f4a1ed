import { join } from 'node:path';
import type { ClaimHolder } from '../ledger/claim-holder.ts';
import type { NewChunk } from '../ledger/log-chunks.ts';
import type { JobSecrets } from './job-secrets.ts';
import { openLogPump } from './log-pump.ts';
import { type MetricsEnd, openMetricsTail } from './metrics-tail.ts';
import type { Workplace } from './workplace.ts';

/** What a job measures, on its way to the ledger: like its log, beside it. */
export interface JobMetrics {
  /** Its commands are about to begin. */
  begin(): Promise<void>;
  /** They have ended. */
  end(): Promise<MetricsEnd & { /** What has not been sent. */ readonly rest: readonly NewChunk[] }>;
  close(): void;
}

const nothing: JobMetrics = {
  async begin() {},
  end: async () => ({ last: null, notices: [], rest: [] }),
  close() {},
};

/** @param place the job's folder on this machine, and its workspace */
export async function openJobMetrics(
  work: Pick<Workplace, 'store'>,
  holder: Pick<ClaimHolder, 'entry' | 'renew'>,
  place: { folder: string; workspace: string },
  secrets: Pick<JobSecrets, 'hide'>,
): Promise<JobMetrics> {
  const file = holder.entry.job.spec.metrics;
  if (file === null) return nothing;
  const pump = await openLogPump({
    file: join(place.folder, 'metrics'),
    inherited: null,
    store: work.store,
    whole: false,
    send: (metrics) => holder.renew({ metrics }),
  });
  const tail = openMetricsTail(place.workspace, file, secrets.hide, (bytes) => pump.push(bytes));
  return {
    begin: tail.begin,
    async end() {
      const { last, notices } = await tail.end();
      const { rest, problem } = await pump.end();
      return { last, rest, notices: problem === null ? notices : [...notices, problem] };
    },
    close() {
      tail.close();
      pump.close();
    },
  };
}
