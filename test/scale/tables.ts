import type { Played } from './results.ts';

/** A column: its heading, and what it says of a scenario. */
export type Column = readonly [heading: string, cell: (played: Played) => string];

/** A Markdown table, as wide as its widest cells. */
export function table(played: readonly Played[], columns: readonly Column[]): string {
  return markdownTable(
    columns.map(([heading]) => heading),
    played.map((one) => columns.map(([, cell]) => cell(one))),
  );
}

export function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map((row) => (row[at] ?? '').length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padStart(widths[at] ?? 0)).join(' | ')} |`;
  return [
    line(heads),
    `| ${widths.map((width) => `${'-'.repeat(width - 1)}:`).join(' | ')} |`,
    ...rows.map(line),
  ].join('\n');
}

/** Three digits, or whole. */
export function digits(value: number): string {
  return Number(value.toPrecision(value >= 100 ? 15 : 3)).toLocaleString('en-US', {
    maximumFractionDigits: value >= 100 ? 0 : 2,
  });
}

export function seconds(ms: number | null): string {
  return ms === null ? 'never' : `${digits(ms / 1000)} s`;
}

export function minutes(ms: number): string {
  return `${digits(ms / 60_000)} min`;
}

/** How long it would take if nothing cost anything, by how long it took. */
export function efficiency({ scenario, outcome }: Played): number {
  const { duration, runners, concurrency } = scenario;
  return (outcome.finished * duration) / (runners * concurrency * outcome.drained);
}

export const perJob = (what: 'claims' | 'pushes' | 'lists') => (played: Played) =>
  digits(played.outcome[what] / Math.max(1, played.outcome.finished));

export const megabytesPerRunnerHour = ({ scenario, outcome }: Played) =>
  digits(outcome.bytes / 1e6 / scenario.runners / (outcome.drained / 3_600_000));

/** How many of the host's processors are busy on average. */
export const coresBusy = ({ outcome }: Played) => digits(outcome.hostTime / outcome.drained);

export const percent = (share: number) => `${Math.round(share * 100)} %`;
