import { type Command, Option } from 'commander';
import { several } from './option-values.ts';

/** The commands that lay what runs have measured, and what they were, beside each other. */
export function addComparingCommands(command: (name: string, description: string) => Command): void {
  command(
    'metrics <runs...>',
    'charts of what jobs have measured, over each other: RUN/JOB, or all jobs of RUN',
  )
    .option('-f, --follow', 'go on until they end')
    .option('--x <name>', 'by what the points are placed; by default by step, or their number')
    .addOption(
      new Option('-m, --metric <name>', 'only this one, in charts and table (may be repeated)').argParser(
        several,
      ),
    )
    .option('--log', 'draw values by their logarithm; by default where they span three powers of ten')
    .option('--no-log', 'never do')
    .option('--plain', 'a table of the last values, on a terminal too')
    .option('--json', 'print JSON, every step; with -f a line for each')
    .addOption(new Option('--csv', 'print CSV, every step').conflicts(['json', 'follow']))
    .addOption(
      new Option(
        '--machine',
        'a table of what they have used of their machines instead: CPUs, memory, GPUs, disk, network',
      ).conflicts(['follow', 'x', 'metric', 'csv']),
    )
    .action(async (runs, options) =>
      options.machine
        ? (await import('./machine-metrics.ts')).machineMetrics(runs, options)
        : (await import('./metrics.ts')).metrics(runs, options),
    );

  command(
    'compare <runs...>',
    "variables and last metrics beside each other: of runs, of a sweep's cells, of RUN/JOB",
  )
    .option('--sort <name>', 'by this metric or variable, the best first')
    .option('--reverse', 'the other way round')
    .addOption(
      new Option(
        '--where <condition>',
        "only such, e.g. 'lr>0.01' or state=done (may be repeated)",
      ).argParser(several),
    )
    .addOption(
      new Option('--min <metric>', 'of this one the least is best (may be repeated)').argParser(several),
    )
    .addOption(
      new Option('--max <metric>', 'of this one the greatest is best (may be repeated)').argParser(several),
    )
    .option('--workflow <name>', 'only jobs of this workflow')
    .option('--parallel', 'parallel coordinates above the table, on a terminal')
    .option('-a, --all', 'also what is the same for all of them')
    .option('--json', 'print JSON')
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .action(async (runs, options) => (await import('./compare.ts')).compare(runs, options));

  command('diff <run> <run> [paths...]', 'what differs between two runs, or jobs: code, inputs, outcomes')
    .option('-p, --patch', 'the code alone, in full, as `git diff` shows it')
    .option('--json', 'print JSON')
    .action(async (before, after, paths, options) =>
      (await import('./diff.ts')).diff(before, after, paths, options),
    );
}
