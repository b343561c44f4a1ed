import { Cron } from 'croner';
import { checkGlob } from './paths.ts';
import { quoted, type Report } from './problems.ts';
import { byKind, mapped, readKeys, readList, readText, readWord, type Shape, shape } from './readers.ts';
import type { LocatedText } from './source.ts';
import type { Tree } from './yaml-tree.ts';

/** Which pushes start a workflow, as patterns; null where it says nothing of them. */
export interface PushTrigger {
  readonly branches: readonly LocatedText[] | null;
  readonly tags: readonly LocatedText[] | null;
  readonly paths: readonly LocatedText[] | null;
}

/** When a workflow starts by itself. */
export interface Schedule {
  /** As written, checked: minute, hour, day of the month, month, day of the week, with seconds before them if there are six. */
  readonly cron: LocatedText;
  readonly timezone: LocatedText | null;
}

/** What of itself starts a workflow. */
export interface Triggers {
  readonly push: PushTrigger | null;
  readonly schedules: readonly Schedule[];
}

/** Nobody needs more, and each costs every observer time. */
const longestPattern = 200;
const mostSchedules = 20;

const anyBranch: PushTrigger = { branches: null, tags: null, paths: null };

/** A pattern, checked. A variable in it would be a surprise: what starts a run is known before there are any. */
function readPattern(faultOf: (text: string) => string | null): Shape<LocatedText> {
  return shape({ ...readText.schema, maxLength: longestPattern }, (tree, what, report) => {
    const read = readText(tree, what, report);
    if (!read) return null;
    const fault =
      read.text.length > longestPattern
        ? `it is longer than ${longestPattern} characters`
        : read.text.includes('${')
          ? 'variables are not known before there is a run'
          : faultOf(read.text);
    if (fault === null) return read;
    report({ span: read.span, message: `${quoted(read.text)} can't be a pattern here: ${fault}` });
    return null;
  });
}

function refFault(text: string): string | null {
  if (text.startsWith('!')) return 'it begins with "!"; what is wanted has to be listed';
  if (text.startsWith('refs/')) return 'the name alone is meant, without `refs/heads/` or `refs/tags/`';
  return null;
}

const pathFault = (text: string): string | null => {
  const checked = checkGlob(text);
  return 'fault' in checked ? checked.fault : null;
};

/** One, or a list. */
function oneOrMore<T>(of: Shape<T>): Shape<T[]> {
  return byKind<T[]>({ list: readList(of), scalar: mapped(of, (one) => [one]) });
}

const readRefs = oneOrMore(readPattern(refFault));
const readPaths = oneOrMore(readPattern(pathFault));

const nothing: Shape<PushTrigger> = shape({ type: 'null' }, (tree, what, report) => {
  if (tree.kind === 'scalar' && tree.type === 'nothing') return anyBranch;
  report({ span: tree.span, message: `${what} is a map of branches, tags and paths, or empty: any branch` });
  return null;
});

const readPush: Shape<PushTrigger> = byKind<PushTrigger>({
  scalar: nothing,
  map: mapped(
    readKeys({ branches: readRefs, tags: readRefs, paths: readPaths }),
    ({ branches = null, tags = null, paths = null }) => ({ branches, tags, paths }),
  ),
});

/** Why it is no pattern, or its time zone none. */
function scheduleFault(cron: string, timezone: string): { of: 'cron' | 'timezone'; words: string } | null {
  try {
    const date = new Intl.DateTimeFormat('en', { timeZone: timezone });
    date.format(0);
  } catch {
    return {
      of: 'timezone',
      words: `there is no time zone ${quoted(timezone)}; one is called Europe/Berlin`,
    };
  }
  try {
    const never = new Cron(cron, { timezone, paused: true }).nextRun() === null;
    return never ? { of: 'cron', words: `${quoted(cron)} is never due` } : null;
  } catch (error) {
    const words = (error as Error).message.replace(/^CronPattern: /, '');
    return {
      of: 'cron',
      words: `${quoted(cron)} is no cron pattern, such as \`0 3 * * *\`: ${words.slice(0, 200)}`,
    };
  }
}

function checkSchedule(schedule: Schedule, report: Report): Schedule | null {
  const { cron, timezone } = schedule;
  // `@reboot` and the like would be legal, and a time in ISO 8601, too; neither is a pattern that repeats.
  const fault = /^@|^\S*$/.test(cron.text)
    ? {
        of: 'cron' as const,
        words: `${quoted(cron.text)} is no cron pattern; five fields are expected, such as \`0 3 * * *\``,
      }
    : scheduleFault(cron.text, timezone?.text ?? 'UTC');
  if (fault === null) return schedule;
  report({ span: (fault.of === 'timezone' && timezone ? timezone : cron).span, message: fault.words });
  return null;
}

const readCron = shape(
  { type: 'string', maxLength: longestPattern },
  readPattern(() => null),
);
const readScheduleKeys = readKeys({ cron: readCron, timezone: readText });

const readSchedule: Shape<Schedule> = byKind<Schedule>({
  map: shape({ ...readScheduleKeys.schema, required: ['cron'] }, (tree, what, report) => {
    const found = readScheduleKeys(tree, what, report);
    if (!found) return null;
    if (found.cron === undefined) report({ span: tree.span, message: `${what} has no \`cron\`` });
    if (!found.cron || found.timezone === null) return null;
    return checkSchedule({ cron: found.cron, timezone: found.timezone ?? null }, report);
  }),
  scalar: shape(readCron.schema, (tree, what, report) => {
    const cron = readCron(tree, what, report);
    return cron && checkSchedule({ cron, timezone: null }, report);
  }),
});

const readScheduleList = readList(readSchedule);
const readSchedules: Shape<Schedule[]> = byKind<Schedule[]>({
  list: shape({ ...readScheduleList.schema, maxItems: mostSchedules }, (tree, what, report) => {
    if (tree.kind === 'list' && tree.items.length > mostSchedules) {
      report({ span: tree.span, message: `${what} has more than ${mostSchedules} items` });
      return null;
    }
    return readScheduleList(tree, what, report);
  }),
  map: mapped(readSchedule, (one) => [one]),
  scalar: mapped(readSchedule, (one) => [one]),
});

const readEvent = readWord(['push'], 'event');
const onPush = (): Triggers => ({ push: anyBranch, schedules: [] });

/** `push`, `[push]`, or a map of `push` and `schedule`. */
export const readTriggers: Shape<Triggers> = byKind<Triggers>({
  scalar: mapped(readEvent, onPush),
  list: mapped(readList(readEvent), (events: LocatedText[], _tree: Tree) =>
    events.length > 0 ? onPush() : { push: null, schedules: [] },
  ),
  map: mapped(readKeys({ push: readPush, schedule: readSchedules }), ({ push, schedule }) => ({
    push: push ?? null,
    schedules: schedule ?? [],
  })),
});
