import type { Store } from '../store/store.ts';
import { type Amount, addBlob } from '../store/sweep.ts';
import { formatBytes } from '../tui/duration.ts';
import { formatTable } from '../tui/table.ts';
import type { UnusedLook } from './look-for-unused.ts';
import { hasColour, plural } from './terminal.ts';

/** What a store has that nothing needs. */
export interface Unused {
  /** Old enough to go. */
  readonly unneeded: Amount;
  /** Those of them that no run here has had: of uploads that were cut off, or of runs that gave them up before. */
  readonly ofNone: Amount;
  /** Too new to go: they may be of uploads that are under way. */
  readonly fresh: Amount;
  /** What an earlier `dstack prune` has left, to be removed or put back. */
  readonly retired: Amount;
}

/** @param before how old a blob must be to go */
export async function countUnused(
  store: Store,
  kept: ReadonlySet<string>,
  given: ReadonlySet<string>,
  before: Date,
): Promise<Unused> {
  const none = (): Amount => ({ blobs: 0, bytes: 0 });
  const unused = { unneeded: none(), ofNone: none(), fresh: none(), retired: none() };
  for await (const { sha256, size, modified } of store.list()) {
    if (kept.has(sha256)) continue;
    if (modified.getTime() >= before.getTime()) {
      addBlob(unused.fresh, size);
      continue;
    }
    addBlob(unused.unneeded, size);
    if (!given.has(sha256)) addBlob(unused.ofNone, size);
  }
  for await (const { size } of store.retired.list()) addBlob(unused.retired, size);
  return unused;
}

/** The runs that give up what they have left, with when they ended, oldest first. */
export function runsTable({ prune, whole }: UnusedLook): string {
  const rows = [...prune].map(([run, jobs]) => {
    const ended = whole.runs.get(run)?.jobs.flatMap(({ finishedAt }) => finishedAt ?? []) ?? [];
    return [run, ended.sort().at(-1)?.slice(0, 10) ?? '', jobs.map(({ name }) => name).join(', ')];
  });
  if (rows.length === 0) return '';
  rows.sort(([, a = ''], [, b = '']) => (a < b ? -1 : a > b ? 1 : 0));
  const columns = [{ title: 'RUN' }, { title: 'ENDED' }, { title: 'JOBS', least: 10 }];
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  return formatTable(columns, rows, { width, colour: hasColour(process.stdout) });
}

/** What would be done, in a few lines. */
export function unusedText({ prune }: UnusedLook, unused: Unused, before: number): string[] {
  const { unneeded, ofNone, fresh, retired } = unused;
  const older = `before ${new Date(before).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return [
    prune.size === 0
      ? `no run that ended ${older} has anything to give up`
      : `${plural(prune.size, 'run')} that ended ${older} ${prune.size === 1 ? 'gives' : 'give'} up artifacts and long logs`,
    `to be freed: ${amountText(unneeded)}${ofNone.blobs > 0 ? `; of these, no run here needed ${amountText(ofNone)}` : ''}`,
    ...(retired.blobs > 0 ? [`and what an earlier prune has left: ${amountText(retired)}`] : []),
    ...(fresh.blobs > 0
      ? [`not needed either, but stays, being less than a day old: ${amountText(fresh)}`]
      : []),
  ];
}

export function amountText({ blobs, bytes }: Amount): string {
  return `${plural(blobs, 'blob')}, ${formatBytes(bytes)}`;
}
