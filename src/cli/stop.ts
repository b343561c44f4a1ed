import { DstackError, usageError } from '../errors.ts';
import { openWake } from '../ledger/wake.ts';
import { plainText } from '../terminal-text.ts';
import { onInterrupt } from './interrupt.ts';
import { locateRun } from './open-state.ts';
import { openProject } from './project.ts';
import { stopJobs, stopTargets } from './stop-jobs.ts';
import { ask, canAsk, say } from './terminal.ts';

/** `dstack stop RUN[/JOB]`: asks, and sees to it; needs no living runner. */
export async function stop(name: string, options: { abort?: true; yes?: true }): Promise<void> {
  const project = await openProject();
  const { ledger, run, job } = await locateRun(project, name);
  const targets = stopTargets(run, job);
  if (targets.length === 0) {
    say(`nothing to stop: ${job === null ? run.name : `${run.name}/${job}`} has ended`);
    return;
  }
  const what = targets.map(({ id }) => plainText(id.job)).join(', ');
  if (!options.yes) {
    if (!canAsk()) throw usageError('not-confirmed', 'nobody is there to confirm it', 'add -y');
    const answer = await ask(`${options.abort ? 'Abort' : 'Stop'} ${run.name} (${what})? [y/N] `);
    if (answer === null || !/^y(es)?$/i.test(answer))
      throw new DstackError('declined', 'nothing was stopped', { exitCode: 130 });
  }
  const wake = openWake(ledger.shared);
  const interruption = onInterrupt(() => {
    say(
      asked
        ? 'the request stands; the jobs will end without you watching'
        : `interrupted; what became of it: dstack status ${run.name}`,
    );
    process.exit(130);
  });
  let asked = false;
  let told = '';
  try {
    await stopJobs(project, ledger, targets, {
      abort: options.abort ?? false,
      wake,
      progress: (remaining) => {
        asked = true;
        const now = remaining.join(', ');
        if (now && now !== told) say(`waiting for ${plainText(now)}`);
        told = now;
      },
    });
  } finally {
    interruption.release();
    wake.close();
  }
  say(`${options.abort ? 'aborted' : 'stopped'}: ${what}`);
  ledger.close();
}
