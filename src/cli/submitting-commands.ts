import { type Command, Option } from 'commander';
import { jobPriority, several } from './option-values.ts';

/** `dstack run` and `rerun`: what submits something, and follows it. */
export function addSubmittingCommands(command: (name: string, description: string) => Command): void {
  const priority = () =>
    new Option(
      '--priority <number>',
      'where it stands among what waits: higher goes first, 0 is usual, -1000 to 1000',
    ).argParser(jobPriority);

  command('run [workflow] [variables...]', 'snapshot the code as it is, and run a workflow')
    .usage('WORKFLOW [--VARIABLE VALUE …] [options]')
    .helpOption(false)
    .allowUnknownOption()
    .option('-d, --detach', "submit only; print the run's name")
    .option('--local', 'run it here, in this process; needs no remote, no Docker, no daemon')
    .option('--no-cache', 'execute every job, even if its result is known')
    .option('--dry-run', 'print the plan; push nothing')
    .option('--name <name>', 'a name instead of a drawn one')
    .option('--tag <tag>', 'keep the run under this tag')
    .option('--reason <text>', 'why; shown in the history')
    .addOption(priority())
    .option('--notify', 'ring the terminal, and show a notification where it can, when the run has ended')
    .option('--allow-large', 'take in untracked files over 50 MB')
    .addOption(
      new Option(
        '--allow-secret <path>',
        'take in an untracked file that looks like a secret (may be repeated)',
      ).argParser(several),
    )
    .option('--json', 'print JSON')
    .option('-h, --help', "show help; after a workflow's name its variables")
    .action((workflow, variables, options, self) =>
      guessing(self, [workflow ?? '', ...variables], async () =>
        (await import('./run.ts')).run(workflow, variables, options, self),
      ),
    );

  command('rerun <run> [variables...]', 'run the code, workflow and variables of a run once more')
    .usage('RUN [--VARIABLE VALUE …] [options]')
    .allowUnknownOption()
    .option('-d, --detach', "submit only; print the run's name")
    .option('--local', 'run it here, in this process')
    .option('--no-cache', 'execute every job, even if its result is known')
    .option('--dry-run', 'print the plan; push nothing')
    .option('--name <name>', 'a name instead of a drawn one')
    .option('--tag <tag>', 'keep the run under this tag')
    .option('--reason <text>', 'why; shown in the history')
    .addOption(priority())
    .option('--notify', 'ring the terminal, and show a notification where it can, when the run has ended')
    .option('--json', 'print JSON')
    .action((run, variables, options, self) =>
      guessing(self, [run, ...variables], async () =>
        (await import('./rerun.ts')).rerun(run, variables, options),
      ),
    );
}

/** What is no option of the command is taken for a variable: should that fail, it may be a slip. */
async function guessing(
  command: Command,
  words: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { guessOption } = await import('./variable-options.ts');
    throw guessOption(
      error,
      words,
      command.options.flatMap(({ long }) => long ?? []),
    );
  }
}
