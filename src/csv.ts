import { plainText } from './terminal-text.ts';

export type CsvValue = string | number | boolean | null;

/**
 * Comma-separated values as RFC 4180 has them, but with lines that end in `\n`. A text may be foreign: control characters
 * are written out, and where a spreadsheet would take it for a formula, an apostrophe before it says that it is text.
 */
export function formatCsv(header: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return [header, ...rows].map((row) => `${row.map(field).join(',')}\n`).join('');
}

function field(value: CsvValue): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const text = plainText(isFormula(value) ? `'${value}` : value);
  return /[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Numbers may begin with a sign. */
function isFormula(text: string): boolean {
  return /^\s*[=+\-@\t\r]/.test(text) && !/^[+-](\d[\d.]*|\.\d+|Infinity)(e[+-]?\d+)?$/i.test(text);
}
