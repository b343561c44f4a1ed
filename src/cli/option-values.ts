import { InvalidArgumentError } from 'commander';

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('it must be a whole number.');
  return Number(text);
}

const day = 24 * 3_600_000;
const units: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: day, w: 7 * day, y: 365 * day };

/** @returns milliseconds */
export function timeSpan(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6}) ?([smhdwy])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('write it like 30d, 12h or 0d.');
  return Number(count) * (units[unit] as number);
}

export function fewAtOnce(text: string): number {
  const number = wholeNumber(text);
  if (number < 1 || number > 64) throw new InvalidArgumentError('it must be from 1 to 64.');
  return number;
}

export function megabytes(text: string): number {
  const number = wholeNumber(text);
  // It is made in memory.
  if (number > 1000) throw new InvalidArgumentError('it must be at most 1000.');
  return number;
}

export function keyValue(text: string, before: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('write it as KEY=VALUE.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}
