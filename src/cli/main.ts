import { Argument, Command, CommanderError, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { addComparingCommands } from './comparing-commands.ts';
import { fewAtOnce, megabytes, portNumber, several, timeSpan, wholeNumber } from './option-values.ts';
import { addRunnerCommands } from './runner-commands.ts';
import { addSubmittingCommands } from './submitting-commands.ts';
import { canAsk, endQuietlyWithTheReader, paint, say } from './terminal.ts';

/** Runs the command line; sets `process.exitCode`. Each command's code is loaded only when it runs. */
export async function main(argv: readonly string[]): Promise<void> {
  endQuietlyWithTheReader();
  // Somebody at the terminal can answer when Git asks for a password; a daemon can't.
  if (canAsk()) process.env.GIT_TERMINAL_PROMPT ??= '1';
  const program = buildProgram();
  try {
    await program.parseAsync(['node', 'dstack', ...argv]);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = usageExitCode(error, argv);
    else {
      const { printError } = await import('./print-error.ts');
      process.exitCode = await printError(error, argv.includes('--verbose'));
    }
  }
}

/** Commander has said what is wrong, in its own words; this adds where to look. */
function usageExitCode(error: CommanderError, argv: readonly string[]): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return 2;
  const words = argv.filter((word) => /^[a-z]+$/.test(word));
  const known = commandPath(buildProgram(), words);
  const lacksRun = error.code === 'commander.missingArgument' && error.message.includes("'run'");
  const where = lacksRun ? '`dstack status` lists the runs, ' : '';
  say(
    `${paint('cyan', ' hint:')} ${where}\`${['dstack', ...known, '--help'].join(' ')}\` shows what there is`,
  );
  return 2;
}

/** The same, as our own errors look. */
function ownStyle(text: string): string {
  return text
    .replace(/^error:/, paint('red', 'error:'))
    .replace(/\n\(Did you mean (.*)\?\)/, (_all, words: string) => `; did you mean ${words}?`);
}

/** The command that these words name, as far as they name one. */
function commandPath(program: Command, words: readonly string[]): string[] {
  const command = program.commands.find((one) => one.name() === words[0]);
  return command ? [command.name(), ...commandPath(command, words.slice(1))] : [];
}

function buildProgram(): Command {
  const program = new Command('dstack')
    .description(
      'Run machine-learning workflows on your own machines, with a Git repository as the only server.',
    )
    .version(packageJson.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .configureHelp({ showGlobalOptions: true })
    .option('--verbose', 'print the stack trace of a failure')
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(ownStyle(text)) })
    .exitOverride();

  const command = (name: string, description: string, parent: Command = program): Command =>
    parent.command(name).description(description).exitOverride();

  command('init', 'set up a project: example .dstack/ and .dstackrc')
    .option('--remote <url>', 'the shared repository: a Git remote, a URL or a path')
    .option('--create <path>', 'make a bare repository with its hook there, and use it')
    .action(async (options) => (await import('./init.ts')).init(options));

  addSubmittingCommands(command);

  command('status [run]', 'runs and their jobs: live on a terminal, a table in a pipe')
    .option('-a, --all', 'every run there is')
    .option('-n, --limit <number>', 'the newest so many runs', wholeNumber)
    .option('--workflow <name>', 'only runs of this workflow')
    .option('--state <state>', 'only runs in this state')
    .addOption(
      new Option(
        '--remote <url>',
        "those in this shared repository, not in the project's own (may be repeated: all together)",
      ).argParser(several),
    )
    .option('--plain', 'a table, on a terminal too')
    .option('--json', 'print JSON')
    .action(async (run, options) => (await import('./status.ts')).status(run, options));

  command(
    'ui [runs...]',
    'a page of this machine’s own in the browser: runs, logs, charts, artifacts, differences',
  )
    .usage('[RUN[/JOB] …] [options]')
    .option('--port <number>', 'listen at this port of 127.0.0.1; by default at any that is free', portNumber)
    .option('--no-open', 'don’t open the browser')
    .addOption(
      new Option(
        '--export <folder>',
        'write the page with these runs as files, for any web server',
      ).conflicts(['port']),
    )
    .option('--json', 'print JSON')
    .action(async (runs, options) => (await import('./ui.ts')).ui(runs, options));

  command('logs <run>', 'print the log of a run, or of one job: RUN or RUN/JOB')
    .option('-f, --follow', 'go on until it ends')
    .option('--since <duration>', 'only what was written within this time, e.g. 5m')
    .option('--tail <lines>', 'only the last so many lines of each job', wholeNumber)
    .option('-t, --timestamps', 'when each line was written')
    .option('--plain', 'print it, on a terminal too, however long it is')
    .option('--notify', 'with -f: ring the terminal, and show a notification where it can, when it has ended')
    .action(async (run, options) => (await import('./logs.ts')).logs(run, options));

  command('report <run>', 'a table of a run as Markdown: variables, states, times, metrics')
    .option(
      '--pr <number>',
      'put it on this pull request on GitHub, or bring it up to date there',
      wholeNumber,
    )
    .action(async (run, options) => (await import('./report.ts')).report(run, options));

  command('stop <run>', 'stop a run, or one job: RUN or RUN/JOB')
    .option('--abort', 'at once, without saving artifacts')
    .option('-y, --yes', "don't ask")
    .action(async (run, options) => (await import('./stop.ts')).stop(run, options));

  const artifacts = command('artifacts', 'what jobs have left');
  command('list <run>', 'list the artifacts of a run, or of one job', artifacts)
    .option('--json', 'print JSON')
    .action(async (run, options) => (await import('./artifacts.ts')).listArtifacts(run, options));
  const jobs = () =>
    new Option('-j, --jobs <number>', 'so many files, or parts of one, at once').argParser(fewAtOnce);
  command('download <run> [globs...]', 'fetch them, or those that match, and verify every hash', artifacts)
    .option('-o, --output <folder>', 'where to; by default a folder named after the run')
    .addOption(jobs())
    .option('--json', 'print JSON')
    .action(async (run, globs, options) =>
      (await import('./artifacts.ts')).downloadArtifacts(run, globs, options),
    );
  command('cat <run:path>', 'print a file: RUN:PATH or RUN/JOB:PATH', artifacts).action(async (file) =>
    (await import('./artifacts-cat.ts')).catArtifact(file),
  );
  command('verify <run>', "read all that the store has of them, and name what can't be had", artifacts)
    .addOption(jobs())
    .option('--json', 'print JSON')
    .action(async (run, options) => (await import('./artifacts-verify.ts')).verifyArtifacts(run, options));

  command(
    'upload <workflow> <paths...>',
    'make a finished run of files, to be depended on by its tag',
    artifacts,
  )
    .option('--from <folder>', 'where the paths begin; by default the project')
    .option('--tag <name>', 'tag it')
    .option('--name <name>', 'what to call the run; by default a name is drawn')
    .option('--local', 'keep it here, for `dstack run --local`')
    .option('--json', 'print JSON')
    .action(async (workflow, paths, options) =>
      (await import('./artifacts-upload.ts')).uploadArtifacts(workflow, paths, options),
    );

  addRunnerCommands(command);

  command('doctor [remote]', 'what does a Git host allow? tries it with scratch refs, and says how to use it')
    .option('--megabytes <number>', 'try pushes of up to so many MB; otherwise of 1', megabytes)
    .option('-y, --write', 'write the settings into .dstackrc without asking')
    .option('--json', 'print JSON')
    .action(async (remote, options) => (await import('./doctor.ts')).doctor(remote, options));

  command('runners', 'who is alive, with what, doing what: live on a terminal, a table in a pipe')
    .option('--plain', 'a table, on a terminal too')
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./runners.ts')).runners(options));

  command('checkout <run>', 'write the very code of a run into a folder')
    .option('-o, --output <folder>', 'where to; by default a folder named after the run')
    .action(async (run, options) => (await import('./checkout.ts')).checkout(run, options));

  command('why <run>', 'why a job was executed, or from where it was taken: RUN/JOB, or all of RUN')
    .option('--json', 'print JSON')
    .action(async (run, options) => (await import('./why.ts')).why(run, options));

  addComparingCommands(command);

  command('tag <run> <tag>', 'keep a run under a name').action(async (run, tag) =>
    (await import('./tags.ts')).tag(run, tag),
  );
  command('untag <tag>', 'remove a tag').action(async (tag) => (await import('./tags.ts')).untag(tag));
  command('tags', 'list the tags')
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./tags.ts')).tags(options));

  command('prune', 'let old runs give up their artifacts, and free what nothing needs any more')
    .addOption(
      new Option('--keep <duration>', 'leave alone runs that ended within this time')
        .argParser(timeSpan)
        .default(timeSpan('30d'), '30d'),
    )
    .option('--dry-run', 'tell what would go and how much that frees; remove nothing')
    .option('--local', 'of the runs of `dstack run --local`, not of the shared ones')
    .addOption(
      new Option('--with <url>', 'another shared repository that uses the same store (may be repeated)')
        .argParser(several)
        .conflicts('local'),
    )
    .option('-y, --yes', "don't ask")
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./prune.ts')).prune(options));

  const store = command('store', 'where artifacts and long logs lie');
  command('check', 'read all that runs need of it; name and repair what is missing or damaged', store)
    .option('--local', 'of the runs of `dstack run --local`, not of the shared ones')
    .addOption(jobs())
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./store-check.ts')).checkStore(options));

  const hook = command('hook', 'the hooks of a bare repository');
  command('install <path>', 'install one: wakes runners, starts what a push starts, keeps the history', hook)
    .option('--guard', 'and another that judges pushes: who may write what, and that it is what it says')
    .action(async (path, options) => (await import('./hook.ts')).installHook(path, options));
  command('uninstall <path>', 'remove them, and put back what was there', hook).action(async (path) =>
    (await import('./hook.ts')).uninstallHook(path),
  );
  command(
    'listen <path>',
    'print a line whenever it wakes runners; those elsewhere call this over ssh',
    hook,
  ).action(async (path) => (await import('./hook-listen.ts')).listenToHook(path));
  command('guard', 'judge the push that the pre-receive hook passes on', hook).action(async () =>
    (await import('./hook-guard.ts')).guardPush(),
  );

  command('validate', 'check .dstack/ without running anything')
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./validate.ts')).validate(options));

  command('schema', 'print the JSON Schema of workflows.yaml or variables.yaml, for editors')
    .addArgument(
      new Argument('[file]', 'which of them').choices(['workflows', 'variables']).default('workflows'),
    )
    .action(async (file) => (await import('./schema.ts')).schema(file));

  command('completion', 'print the script that makes a shell complete commands, workflows, variables, runs')
    .addArgument(new Argument('<shell>', 'which one').choices(['bash', 'zsh', 'fish']))
    .action(async (shell) => (await import('./completion.ts')).completion(shell));
  program
    .command('__complete [words...]', { hidden: true })
    .helpOption(false)
    .exitOverride()
    .action(async (words) => (await import('./complete.ts')).complete(words, program));

  command('sync', 'fetch the history, to be read with plain `git log`')
    .option('--push', 'first send the runs of `dstack run --local` there, with their artifacts')
    .addOption(new Option('--bare', 'of the shared repository itself, as its hook does it').conflicts('push'))
    .action(async (options) => (await import('./sync.ts')).sync(options));

  return program;
}
