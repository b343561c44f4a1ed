import type { Command, Option } from 'commander';
import { jobStates } from '../ledger/state.ts';

/** A word that may come next, and what it is. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** What can be known of the project, looked up only when it is asked for. */
export interface Knowledge {
  workflows(): Promise<Candidate[]>;
  /** The options that set variables of a workflow, or of that of a run. */
  variables(of: { readonly workflow?: string; readonly run?: string }): Promise<Candidate[]>;
  /** Those that begin so, and perhaps others. */
  runs(start: string): Promise<Candidate[]>;
  /** As `RUN/JOB` and `:TAG/JOB`; those that begin so, and perhaps others. */
  jobs(start: string): Promise<Candidate[]>;
  tags(): Promise<Candidate[]>;
}

/**
 * What may stand at the end of a command line.
 * @param words after `dstack`; the last one is unfinished, and may be empty
 */
export async function completionCandidates(
  program: Command,
  words: readonly string[],
  knowledge: Knowledge,
): Promise<Candidate[]> {
  const current = words.at(-1) ?? '';
  const line = readLine(program, words.slice(0, -1));
  const found = await candidatesFor(line, current, knowledge);
  return found.filter(({ word }) => word.startsWith(current));
}

interface Line {
  readonly command: Command;
  /** Words of the command that are no options. */
  readonly operands: readonly string[];
  /** The last word is an option that wants a value: the option, or null for that of a variable. */
  readonly awaited: Option | null | undefined;
}

function readLine(program: Command, words: readonly string[]): Line {
  let command = program;
  let operands: string[] = [];
  let awaited: Option | null | undefined;
  for (const word of words) {
    if (awaited !== undefined) {
      awaited = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const option = [...command.options, ...program.options].find(
        ({ long, short }) => long === word || short === word,
      );
      if (option?.required) awaited = option;
      else if (!option && takesVariables(command) && word.startsWith('--') && !word.includes('='))
        awaited = null;
      continue;
    }
    const below = operands.length === 0 && command.commands.find((one) => one.name() === word);
    if (below) command = below;
    else operands = [...operands, word];
  }
  return { command, operands, awaited };
}

const takesVariables = (command: Command): boolean =>
  ['run', 'rerun'].includes(command.name()) && command.parent?.parent === null;

/** Those that take `RUN/JOB` for a run, too. */
const takesJob = (command: Command): boolean =>
  [
    'logs',
    'ui',
    'stop',
    'why',
    'metrics',
    'compare',
    'diff',
    'list',
    'download',
    'verify',
    'attach',
  ].includes(command.name());

async function candidatesFor(line: Line, current: string, knowledge: Knowledge): Promise<Candidate[]> {
  const { command, operands, awaited } = line;
  if (awaited?.attributeName() === 'workflow') return knowledge.workflows();
  if (awaited !== undefined) {
    const choices = awaited?.attributeName() === 'state' ? jobStates : (awaited?.argChoices ?? []);
    return choices.map((word) => ({ word, about: '' }));
  }
  if (current.startsWith('-')) {
    const [first] = operands;
    const of = command.name() === 'rerun' ? { run: first } : { workflow: first };
    const variables = takesVariables(command) && first ? await knowledge.variables(of) : [];
    return [...variables, ...optionsOf(command)];
  }
  const visible = command.createHelp().visibleCommands(command);
  if (visible.length > 0) return visible.map((one) => ({ word: one.name(), about: one.description() }));
  const last = command.registeredArguments.at(-1);
  const argument = command.registeredArguments[operands.length] ?? (last?.variadic ? last : undefined);
  if (!argument) return [];
  if (argument.argChoices) return argument.argChoices.map((word) => ({ word, about: '' }));
  const name = argument.name();
  if (name === 'workflow') return knowledge.workflows();
  if (name === 'tag') return knowledge.tags();
  if (name !== 'run' && name !== 'runs') return [];
  // Only now: they would hide the runs, being many more.
  if (current.includes('/')) return takesJob(command) ? knowledge.jobs(current) : [];
  const tags = (await knowledge.tags()).map(({ word, about }) => ({ word: `:${word}`, about }));
  return [...(await knowledge.runs(current)), ...tags];
}

function optionsOf(command: Command): Candidate[] {
  const help = command.createHelp();
  const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
  return options.flatMap(({ long, description }) => (long ? [{ word: long, about: description }] : []));
}
