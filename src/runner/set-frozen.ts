import type { Execution } from '../executor/executor.ts';
import { type JobId, jobName } from '../ledger/refs.ts';
import type { Workplace } from './workplace.ts';

/**
 * Freezes a job, or thaws it. That this can't be done (Docker without control groups can't) is told, and no reason to end
 * anything: the job goes on, and is ended once it is known that another runner has it.
 */
export function setFrozen(
  { log }: Pick<Workplace, 'log'>,
  id: JobId,
  execution: Pick<Execution, 'freeze' | 'thaw'> | null,
  frozen: boolean,
): void {
  (frozen ? execution?.freeze() : execution?.thaw())?.catch((error: unknown) => {
    const { message } = error as Error;
    const words = frozen ? "the job can't be frozen: it goes on" : "the job can't be thawed";
    log.warn({ job: jobName(id), error: message }, words);
  });
}
