import { type Command, Option } from 'commander';
import { keyValue, wholeNumber } from './option-values.ts';

/** Declares what there is below `dstack runner`. */
export function addRunnerCommands(
  command: (name: string, description: string, parent?: Command) => Command,
): void {
  const runner = command('runner', 'the daemon that executes jobs on this machine');
  startOptions(command('start', 'watch the shared repository and execute its jobs', runner)).action(
    async (options) => (await import('./runner-start.ts')).startRunnerCommand({ label: {}, ...options }),
  );
  command('check', 'does this machine have what a runner needs?', runner)
    .option('--fix', 'remove stale lock files of a shared repository on this machine')
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./runner-check.ts')).checkRunner(options));
  startOptions(command('unit', 'print a systemd unit that starts a runner so, here', runner))
    .option('--user', "for your own systemd, not for the machine's")
    .action(async (options, self) =>
      (await import('./runner-unit.ts')).printUnit({ label: {}, ...options }, self),
    );
  command('attach <run> [command...]', 'a shell in a job that runs on this machine: RUN/JOB', runner)
    .usage('RUN/JOB [-- COMMAND …]')
    .action(async (run, words) => (await import('./runner-attach.ts')).attach(run, words));
}

function startOptions(command: Command): Command {
  return command
    .addOption(new Option('--executor <kind>', 'how to run jobs').choices(['docker', 'process']))
    .option('--concurrency <number>', 'jobs at a time', wholeNumber)
    .option('--drain', 'leave when nothing is left to do')
    .option('--once', 'leave after one job')
    .addOption(
      new Option('--label <key=value>', 'what `labels` of jobs must find here (may be repeated)').argParser(
        keyValue,
      ),
    )
    .option('--interruptible', 'only for jobs that allow it: the machine may be taken away at short notice')
    .option('--name <name>', "by default the machine's")
    .option('--poll <duration>', 'how often to look, e.g. 2s')
    .option('--listen <port>', "take a forge's webhooks at this port, or HOST:PORT, as signs to look");
}
