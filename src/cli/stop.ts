import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { DstackError, usageError } from '../errors.ts';
import { isFinal } from '../ledger/state.ts';
import { requestStop, seeStopsThrough } from '../ledger/stop.ts';
import { openWake } from '../ledger/wake.ts';
import { plainText } from '../terminal-text.ts';
import { whoAmI } from './follow-to-the-end.ts';
import { onInterrupt } from './interrupt.ts';
import { locateRun } from './open-state.ts';
import { openProject } from './project.ts';
import { ask, say } from './terminal.ts';

/** `dstack stop RUN[/JOB]`: asks, and sees to it; needs no living runner. */
export async function stop(name: string, options: { abort?: true; yes?: true }): Promise<void> {
  const project = await openProject();
  const { ledger, run, job } = await locateRun(project, name);
  const unfinished = run.jobs.filter((one) => (job === null || one.name === job) && !isFinal(one.state));
  const targets = unfinished.flatMap((one) =>
    one.queueEntry ? [{ id: { run: run.name, job: one.name }, queueEntry: one.queueEntry }] : [],
  );
  if (targets.length === 0) {
    say(`nothing to stop: ${job === null ? run.name : `${run.name}/${job}`} has ended`);
    return;
  }
  const what = targets.map(({ id }) => plainText(id.job)).join(', ');
  if (!options.yes) {
    const answer = await ask(`${options.abort ? 'Abort' : 'Stop'} ${run.name} (${what})? [y/N] `);
    if (answer === null) throw usageError('not-confirmed', 'nobody is there to confirm it', 'add -y');
    if (!/^y(es)?$/i.test(answer))
      throw new DstackError('declined', 'nothing was stopped', { exitCode: 130 });
  }
  const asked = await requestStop(ledger, targets, { abort: options.abort ?? false, by: whoAmI() });
  const wake = await openWake(ledger.shared);
  const interruption = onInterrupt(() => {
    say('the request stands; the jobs will end without you watching');
    process.exit(130);
  });
  let told = '';
  try {
    await seeStopsThrough(
      ledger,
      asked,
      {
        runner: 'dstack-stop',
        host: hostname(),
        instance: randomUUID(),
        lease: project.config.runner.lease / 1000,
      },
      () => wake.wait(project.config.runner.poll),
      (remaining) => {
        const now = remaining.join(', ');
        if (now && now !== told) say(`waiting for ${now}`);
        told = now;
      },
    );
  } finally {
    interruption.release();
    await wake.close();
  }
  say(`${options.abort ? 'aborted' : 'stopped'}: ${what}`);
  ledger.close();
}
