import picomatch from 'picomatch';
import { DstackError } from '../../errors.ts';
import { fileFilter } from '../../language/file-filter.ts';
import type { LocatedText } from '../../language/source.ts';
import type { PushTrigger } from '../../language/triggers.ts';
import type { Workflows } from '../../language/workflows.ts';
import type { ScheduleWish } from './moves.ts';

/**
 * The workflows that a push of a branch or tag starts.
 * @param changed the paths in which it differs from what it is compared with; null: all
 */
export function startedByPush(
  workflows: Workflows,
  ref: string,
  changed: readonly string[] | null,
): string[] {
  return [...workflows.values()].flatMap(({ name, triggers: { push } }) =>
    push && wantsRef(push, ref) && wantsPaths(push, ref, changed) ? [name.text] : [],
  );
}

/** Does any of them depend on the paths that a push of this ref changes? */
export function asksForPaths(workflows: Workflows, ref: string): boolean {
  return [...workflows.values()].some(
    ({ triggers: { push } }) => push?.paths && isBranch(ref) && wantsRef(push, ref),
  );
}

/** Who names only branches means no tags, and the other way about; who names neither means branches. */
function wantsRef({ branches, tags }: PushTrigger, ref: string): boolean {
  if (isBranch(ref)) return branches === null ? tags === null : matches(branches, ref.slice(11));
  return tags !== null && ref.startsWith('refs/tags/') && matches(tags, ref.slice(10));
}

function wantsPaths({ paths }: PushTrigger, ref: string, changed: readonly string[] | null): boolean {
  if (paths === null || changed === null || !isBranch(ref)) return true;
  const isWanted = fileFilter({ include: texts(paths), exclude: [] });
  return changed.some(isWanted);
}

/** `*` stays within what stands between two slashes, `**` doesn't. */
function matches(patterns: readonly LocatedText[], name: string): boolean {
  return picomatch(texts(patterns), { dot: true })(name);
}

const isBranch = (ref: string): boolean => ref.startsWith('refs/heads/');
const texts = (patterns: readonly LocatedText[]): string[] => patterns.map(({ text }) => text);

/** Every observer watches them all. */
const mostSchedules = 100;

/** The schedules that these workflows ask for. @throws DstackError `plan-too-large` */
export function schedulesOf(workflows: Workflows): ScheduleWish[] {
  const wishes = [...workflows.values()].flatMap(({ name, triggers }) =>
    triggers.schedules.map(({ cron, timezone }) => ({
      workflow: name.text,
      cron: cron.text,
      timezone: timezone?.text ?? 'UTC',
    })),
  );
  if (wishes.length <= mostSchedules) return wishes;
  throw new DstackError(
    'plan-too-large',
    `there are ${wishes.length} schedules, ${mostSchedules} are the limit`,
    { hint: 'join some: one cron expression can name several times' },
  );
}
