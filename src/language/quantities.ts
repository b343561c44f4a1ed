import bytes from 'bytes';
import ms from 'ms';

/** What a text that should be a quantity stands for, or why it can't be one: what is expected instead. */
export type Quantity<T> = { readonly value: T } | { readonly expected: string };

/** Node's timers can't wait longer than 2^31 - 1 ms. */
const longestMs = ms('24d');
const mostBytes = bytes.parse('1024TB')!;

// Checked before the libraries see them: they read `16GiB` as 16 bytes, and take signs and exponents.
const duration = /^\d{1,12}(?:\.\d{1,6})? ?(?:ms|s|m|h|d)$/;
const size = /^\d{1,12}(?:\.\d{1,6})? ?(?:B|KB|MB|GB|TB)$/i;

/** `90s`, `2h`, `1.5d` → seconds. */
export function parseDuration(text: string): Quantity<number> {
  const time = duration.test(text) ? ms(text as ms.StringValue) : 0;
  if (time > 0 && time <= longestMs) return { value: time / 1000 };
  return { expected: 'a duration with its unit, such as `90s` or `2h`, of at most 24d, is expected' };
}

/** `16GB`, `512MB` → bytes, each unit 1024 times the one before. */
export function parseSize(text: string): Quantity<number> {
  const found = size.test(text) ? Math.floor(bytes.parse(text) ?? 0) : 0;
  if (found > 0 && found <= mostBytes) return { value: found };
  return { expected: 'a size with its unit, such as `512MB` or `16GB`, of at most 1024TB, is expected' };
}

/** A whole number as people write it: no sign, no exponent, no other base. */
export function parseWhole(text: string, least: number, most: number): Quantity<number> {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return { value };
  return { expected: `a whole number from ${least} to ${most} is expected` };
}

/** CPUs, also a part of one. */
export function parseCpus(text: string): Quantity<number> {
  const value = /^\d{1,5}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (value > 0 && value <= 10_000) return { value };
  return { expected: 'a number of CPUs, such as `4` or `0.5`, of at most 10000, is expected' };
}

export function parseBoolean(text: string): Quantity<boolean> {
  if (text === 'true' || text === 'false') return { value: text === 'true' };
  return { expected: '`true` or `false` is expected' };
}
