import { plainText } from '../terminal-text.ts';
import { cellWidth } from './cell-width.ts';
import { paint, type Style } from './colours.ts';
import { fit, truncate } from './fit-text.ts';

export interface Column {
  readonly title: string;
  /** The least width to which it may be cut when the table is too wide; a column without it is never cut. */
  readonly least?: number;
  /** Left out, the first ones first, if even the least widths are too much. */
  readonly optional?: true;
}

/** A cell's text may be foreign, as a column's title: both are neutralised here. */
export type Cell = string | { readonly text: string; readonly style: Style | undefined };

export interface TableOptions {
  /** Terminal columns to fit into; without it nothing is cut. */
  readonly width?: number | undefined;
  readonly colour?: boolean | undefined;
  /** What stands for what is cut. */
  readonly ellipsis?: string | undefined;
  /** Is told the titles of columns for which there was no room. */
  readonly onLeftOut?: ((titles: readonly string[]) => void) | undefined;
}

const GAP = '  ';

/** Aligned columns under their titles, one line a row, each ending in `\n`. Columns that are empty all the way are left out. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions,
): string {
  const texts = rows.map((row) => row.map((cell) => plainText(typeof cell === 'string' ? cell : cell.text)));
  const titles = columns.map(({ title }) => plainText(title));
  const filled = columns.map((_, index) => index).filter((index) => texts.some((row) => row[index]));
  const natural = titles.map((title, index) => {
    const widths = texts.map((row) => cellWidth(row[index] ?? ''));
    return widths.reduce((a, b) => Math.max(a, b), cellWidth(title));
  });
  const used = leaveOut(filled, columns, natural, options.width);
  if (used.length < filled.length)
    options.onLeftOut?.(filled.filter((index) => !used.includes(index)).map((index) => titles[index] ?? ''));
  const widths = shrink(
    used.map((index) => natural[index] ?? 0),
    used.map((index) => columns[index]?.least),
    options.width,
  );
  const colour = options.colour ?? false;
  const line = (cells: readonly string[], styles: readonly (Style | undefined)[]) => {
    let left = options.width ?? Number.POSITIVE_INFINITY;
    const parts: string[] = [];
    cells.forEach((text, position) => {
      const last = position === cells.length - 1;
      const width = Math.min(widths[position] ?? 0, left);
      left -= width + GAP.length;
      if (width <= 0) return;
      const shown = last ? truncate(text, width, options.ellipsis) : fit(text, width, options.ellipsis);
      parts.push(paint(styles[position], shown, colour));
    });
    return `${parts.join(GAP).trimEnd()}\n`;
  };
  const header = line(
    used.map((index) => titles[index] ?? ''),
    used.map(() => 'bold'),
  );
  const body = rows.map((row, number) =>
    line(
      used.map((index) => texts[number]?.[index] ?? ''),
      used.map((index) => styleOf(row[index])),
    ),
  );
  return header + body.join('');
}

function styleOf(cell: Cell | undefined): Style | undefined {
  return typeof cell === 'object' ? cell.style : undefined;
}

/** The columns without those optional ones for which there is no room. */
function leaveOut(
  used: readonly number[],
  columns: readonly Column[],
  natural: readonly number[],
  width: number | undefined,
): readonly number[] {
  if (width === undefined) return used;
  const needed = used.map((index) =>
    Math.min(natural[index] ?? 0, columns[index]?.least ?? Number.POSITIVE_INFINITY),
  );
  if (sum(needed) + GAP.length * (used.length - 1) <= width) return used;
  const victim = used.find((index) => columns[index]?.optional);
  if (victim === undefined) return used;
  return leaveOut(
    used.filter((index) => index !== victim),
    columns,
    natural,
    width,
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** Takes what is too much from the widest column that may be cut, again and again. */
function shrink(
  natural: readonly number[],
  least: readonly (number | undefined)[],
  width: number | undefined,
): number[] {
  const widths = [...natural];
  if (width === undefined) return widths;
  let excess = sum(widths) + GAP.length * Math.max(0, widths.length - 1) - width;
  while (excess > 0) {
    let widest = -1;
    widths.forEach((value, index) => {
      const limit = least[index];
      if (limit !== undefined && value > limit && value > (widths[widest] ?? 0)) widest = index;
    });
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}
