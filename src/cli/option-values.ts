import { InvalidArgumentError } from 'commander';
import ms from 'ms';
import { highestPriority } from '../ledger/priority.ts';

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('it must be a whole number.');
  return Number(text);
}

export function jobPriority(text: string): number {
  const number = /^[+-]?\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(number) <= highestPriority))
    throw new InvalidArgumentError(
      `it must be a whole number from -${highestPriority} to ${highestPriority}; the higher, the earlier.`,
    );
  return number;
}

/** @returns milliseconds */
export function timeSpan(text: string): number {
  if (!/^\d{1,6} ?[smhdwy]$/.test(text)) throw new InvalidArgumentError('write it like 30d, 12h or 0d.');
  return ms(text as ms.StringValue);
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

export function portNumber(text: string): number {
  const number = wholeNumber(text);
  if (number > 65_535) throw new InvalidArgumentError('it must be at most 65535.');
  return number;
}

export function keyValue(text: string, before: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('write it as KEY=VALUE.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/** Of an option that may be repeated: all of its values. */
export function several(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
