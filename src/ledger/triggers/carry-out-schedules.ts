import { DstackError } from '../../errors.ts';
import { type Submitted, submitOrReject, understand } from './carry-out-push.ts';
import type { Due } from './due.ts';
import { nameOfScheduled } from './names.ts';
import { obtainPushed, type PushLedger, readProjectTexts } from './pushed-files.ts';
import { isDealtWith } from './reject.ts';

/**
 * Submits what is due, each once however many find it so: the run is named after the workflow and the time.
 * @param commit whose workflows have these schedules
 * @throws DstackError `unreachable` and the like
 */
export async function carryOutSchedules(
  ledger: PushLedger,
  commit: string,
  due: readonly Due[],
): Promise<Submitted> {
  const done: Submitted = { submitted: [], rejected: [] };
  for (const { entry, time } of due) {
    const run = nameOfScheduled(entry.workflow, time);
    if (await isDealtWith(ledger, run)) continue;
    const found = await obtainPushed(ledger, commit);
    const texts = found && (await readProjectTexts(ledger, found.id));
    if (!found || !texts) {
      throw new DstackError('gone', `the commit ${commit.slice(0, 12)}, which ${run} is made of, is gone`, {
        hint: 'once a push of the default branch is dealt with, its schedules hold',
      });
    }
    const at = new Date(time).toISOString();
    const started = {
      run,
      workflow: entry.workflow,
      commit: found,
      reason: `due at ${at}: ${entry.cron} ${entry.timezone}`,
      trigger: `schedule ${at}`,
      time,
    };
    await submitOrReject(ledger, understand(texts), started, done);
  }
  return done;
}
