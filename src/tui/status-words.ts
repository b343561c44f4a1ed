import wrapAnsi from 'wrap-ansi';
import { jobStates } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { formatAge } from './duration.ts';
import type { Glyphs } from './glyphs.ts';
import { fullDetail } from './status-detail.ts';
import { nameOf, rowAtCursor, rowOf, type StatusModel, unfinishedJobs } from './status-model.ts';

/** How the list is filtered, if it is. Neutralised. */
export function filterText({ filter, mode, rows }: StatusModel): string {
  if (mode === 'filter') return `/${plainText(filter)}_`;
  return filter === '' ? '' : `/${plainText(filter)} (${rows.filter((row) => row.kind === 'run').length})`;
}

/** What stands where no run does. */
export function emptyText({ reading, filter }: StatusModel): string {
  if (reading.state === null) return reading.error === null ? 'Reading the repository' : '';
  if (filter !== '' && reading.state.archived > 0) return 'Looking through older runs. Esc ends that.';
  if (filter !== '') return 'Nothing matches the filter. Esc clears it.';
  return 'No runs yet. Start one: dstack run WORKFLOW';
}

/**
 * What stands above the keys: a question, an answer, or all about the row under the cursor. Neutralised.
 * @param alsoRow false: there is another place for that
 */
export function bottomText(model: StatusModel, alsoRow: boolean, now: number, glyphs: Glyphs): string {
  const { question, notice } = model;
  if (question !== null) return questionText(model, question);
  if (notice !== null) return plainText(notice);
  const row = rowAtCursor(model);
  return row === undefined || model.page !== null || !alsoRow
    ? ''
    : fullDetail(row, model.details, now, glyphs);
}

function questionText(model: StatusModel, question: NonNullable<StatusModel['question']>): string {
  const { verb, target, text } = question;
  const name = plainText(nameOf(target));
  if (verb === 'tag') return `Tag for ${name}: ${plainText(text)}_`;
  if (verb === 'rerun') return `Run the code and variables of ${name} once more? y/n`;
  const row = rowOf(model, target);
  const count = row ? unfinishedJobs(row).length : 0;
  const jobs = target.job === null ? ` (${count} unfinished ${count === 1 ? 'job' : 'jobs'})` : '';
  const what = verb === 'stop' ? 'Stop' : 'Abort, without keeping artifacts,';
  return `${what} ${name}${jobs}? y/n`;
}

/** Which keys there are now: as many as fit, the most needed first. */
export function keyHints(model: StatusModel, columns: number, glyphs: Glyphs): string {
  const { mode, question, page, marks, filter } = model;
  if (mode === 'filter') return fitting(['type to filter', 'enter keep', 'esc clear'], columns);
  if (question?.verb === 'tag') return fitting(['enter tag', 'esc back'], columns);
  if (question !== null) return fitting([`y ${question.verb}`, 'n back'], columns);
  if (page?.kind === 'help') return 'any key: back';
  const moves = `${glyphs.upDown} move`;
  if (page?.kind === 'text') return fitting(['q back', moves, 'space next page', 'g G ends'], columns);
  const doing = ['l logs', 's stop', 'r rerun', 't tag', 'A abort'];
  if (page?.kind === 'facts') return fitting(['q back', moves, ...doing], columns);
  const diff = marks.length > 0 ? ['d diff'] : [];
  const clear = filter !== '' || marks.length > 0 ? ['esc clear'] : [];
  const rest = ['l logs', 's stop', '/ filter', 'enter open', moves, 'space mark', 'r rerun', 't tag'];
  return fitting(['q quit', '? help', ...diff, ...clear, ...rest, 'A abort', 'o all about it'], columns);
}

/** How old what is shown is; and that older runs are still being read. */
export function freshness({ reading, atEnd, filter }: StatusModel, now: number): string {
  if (reading.state === null) return '';
  const { archived } = reading.state;
  const isReading = archived > 0 && (atEnd || filter !== '');
  return `${isReading ? `${archived} older to read  ` : ''}as of ${formatAge(reading.readAt, now)}`;
}

function fitting(hints: readonly string[], columns: number): string {
  let text = '';
  for (const hint of hints) {
    const longer = text === '' ? hint : `${text}  ${hint}`;
    if (longer.length > columns) break;
    text = longer;
  }
  return text;
}

/** So wide is the column of keys. */
const KEYS = 15;

/** What each key does, and each symbol means, in lines of whole words for so many columns. */
export function helpText(glyphs: Glyphs, columns: number): string {
  const { state, upDown, pointer, mark } = glyphs;
  const keys: [string, string][] = [
    [`${upDown}, j k`, 'move'],
    ['page up/down', 'move by a screen; g G to either end'],
    ['enter', 'fold or unfold a run; all about a job'],
    ['right left', 'unfold, fold'],
    ['o', 'all about the run or job, with its last output'],
    ['l', 'read the log of the run or job'],
    ['s', 'stop the run or job: it may end in good order'],
    ['A', 'abort it: at once, artifacts are not kept'],
    ['r', 'run the same once more'],
    ['t', 'keep the run under a tag'],
    ['space', `mark a run (${mark})`],
    ['d', 'what differs: two marked runs, or the marked one and this'],
    ['/', 'show only what matches: names, states, :tags, variables, runners'],
    ['esc', 'take back the filter, then the marks'],
    ['ctrl+z', 'suspend; fg comes back'],
    ['q, ctrl+c', 'leave'],
  ];
  const lines = keys.map(([key, what]) => {
    const words = wrapAnsi(what, Math.max(10, columns - KEYS), { hard: true });
    return key.padEnd(KEYS) + words.replaceAll('\n', `\n${' '.repeat(KEYS)}`);
  });
  const states = jobStates.map((name) => `${state[name]} ${name}`);
  const symbols = [`${pointer} is the run or job that keys are about`, ...states];
  return [...lines, '', ...symbols.map((line) => wrapAnsi(line, columns, { hard: true }))].join('\n');
}
