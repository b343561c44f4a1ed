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
    .addOption(new Option('-m, --metric <name>', 'draw this one (may be repeated)').argParser(several))
    .option('--log', 'draw values by their logarithm; by default where they span three powers of ten')
    .option('--no-log', 'never do')
    .option('--plain', 'a table of the last values, on a terminal too')
    .option('--json', 'print JSON, every step; with -f a line for each')
    .addOption(new Option('--csv', 'print CSV, every step').conflicts(['json', 'follow']))
    .action(async (runs, options) => (await import('./metrics.ts')).metrics(runs, options));

  command('diff <run> <run> [paths...]', 'what differs between two runs, or jobs: code, inputs, outcomes')
    .option('-p, --patch', 'the code alone, in full, as `git diff` shows it')
    .option('--json', 'print JSON')
    .action(async (before, after, paths, options) =>
      (await import('./diff.ts')).diff(before, after, paths, options),
    );
}
