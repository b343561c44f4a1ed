import stringWidth from 'string-width';
import type { Row, Unit } from './benchmark.ts';
import type { Machine } from './machine.ts';
import type { Summary } from './statistics.ts';

/** The version of what is written as JSON. */
export const resultsVersion = 1;

/** What one benchmark came to, where, and when. */
export interface Result {
  readonly machine: Machine;
  /** The commit that was measured; with `+` if there was more than that. */
  readonly commit: string;
  /** A day: `2026-03-01`. */
  readonly day: string;
  readonly rows: readonly Row[];
}

/** All that was measured, by benchmark. */
export interface Results {
  readonly version: typeof resultsVersion;
  readonly command: string;
  readonly benchmarks: Readonly<Record<string, Result>>;
}

const opening = '<!-- measured: written by npm run bench -->';
const closing = '<!-- end of what was measured -->';

/**
 * Puts new results in place of older ones of the same benchmarks.
 * @param text the JSON file as it is; null: there is none
 * @param order the names of all benchmarks; results of others are dropped
 */
export function mergeResults(
  text: string | null,
  fresh: Readonly<Record<string, Result>>,
  order: readonly string[],
): Results {
  const old = text === null ? null : (JSON.parse(text) as Results);
  if (old && old.version !== resultsVersion)
    throw new Error(`the results are of version ${old.version}, not ${resultsVersion}: remove them`);
  const all = { ...old?.benchmarks, ...fresh };
  const kept = order.flatMap((name) => (all[name] ? [[name, all[name]] as const] : []));
  return { version: resultsVersion, command: 'npm run bench', benchmarks: Object.fromEntries(kept) };
}

/** The document with the tables of these results in place of those that it has. @throws Error without a place for them */
export function replaceBlock(document: string, results: Results): string {
  const from = document.indexOf(opening);
  const to = document.indexOf(closing);
  if (from < 0 || to < from) throw new Error(`the document has no place for results: ${opening}`);
  return `${document.slice(0, from + opening.length)}\n\n${printResults(results)}\n${document.slice(to)}`;
}

/** Results as Markdown: a table for each machine and state of the code, since only within one are they comparable. */
export function printResults({ benchmarks }: Results): string {
  const groups = new Map<string, [string, Result][]>();
  for (const [name, result] of Object.entries(benchmarks)) {
    const where = placeOf(result);
    groups.set(where, [...(groups.get(where) ?? []), [name, result]]);
  }
  return [...groups].map(([where, members]) => `${where}\n\n${printTable(members)}\n`).join('\n');
}

function placeOf({ machine, commit, day }: Result): string {
  const { cpu, cores, memoryGiB, system, node, git } = machine;
  return `${day}, commit ${commit}: ${cpu}, ${cores} cores, ${memoryGiB} GiB of memory, ${system}, Node ${node}, Git ${git}`;
}

function printTable(members: readonly [string, Result][]): string {
  const lines = members.flatMap(([name, { rows }]) => rows.map((row) => printRow(name, row)));
  const heads = ['', 'what', 'measured', 'against', 'ratio', 'aim', 'met'];
  const widths = heads.map((_, column) =>
    Math.max(3, ...[heads, ...lines].map((cells) => stringWidth(cells[column] ?? ''))),
  );
  const pad = (cell: string, column: number) => cell + ' '.repeat((widths[column] ?? 0) - stringWidth(cell));
  return [heads, widths.map((width) => '-'.repeat(width)), ...lines]
    .map((cells) => `| ${cells.map(pad).join(' | ')} |`)
    .join('\n');
}

function printRow(name: string, row: Row): string[] {
  const floor = row.floor === null ? null : printSummary(row.floor, row.unit);
  const against = [row.against, floor].filter((part) => part !== null).join(': ');
  const note = row.note === null ? '' : ` (${row.note})`;
  return [
    `\`${name}\``,
    `${row.what}${note}`,
    row.measured === null ? 'not measured' : printSummary(row.measured, row.unit),
    against || '–',
    row.ratio === null ? '–' : printRatio(row.ratio),
    row.aim ?? '–',
    row.met === null ? '–' : row.met ? 'yes' : 'no',
  ].map((cell) => cell.replaceAll('|', '\\|'));
}

function printSummary({ median, low, high, runs }: Summary, unit: Unit): string {
  const { print, name } = scaleOf(unit, median);
  return runs === 1
    ? `${print(median)} ${name}`
    : `${print(median)} ${name} (${print(low)}–${print(high)}; ${runs} runs)`;
}

function printRatio({ median, low, high, runs }: Summary): string {
  const [middle, from, to] = [median, low, high].map((value) => value.toFixed(2));
  return runs === 1 ? `**${middle} ×**` : `**${middle} ×** (${from}–${to})`;
}

/** How values of about this size are printed, and in which unit. */
function scaleOf(unit: Unit, about: number): { print: (value: number) => string; name: string } {
  const [divisor, name] =
    unit !== 'bytes' || about < 1 << 10 ? [1, unit] : about < 1 << 20 ? [1 << 10, 'KiB'] : [1 << 20, 'MiB'];
  const size = about / divisor;
  const digits = name === 'bytes' || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return { print: (value) => (value / divisor).toFixed(digits), name };
}
