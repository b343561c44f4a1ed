import bytes from 'bytes';
import ms from 'ms';
import { mostNodes } from './job-spec.ts';
import type { JsonSchema } from './readers.ts';

/** What a text that should be a quantity stands for, or why it can't be one: what is expected instead. */
export type Found<T> = { readonly value: T } | { readonly expected: string };

/** One kind of quantity: how it is written, for dstack and for editors. */
export interface Quantity<T> {
  parse(text: string): Found<T>;
  readonly schema: JsonSchema;
}

/** Node's timers can't wait longer than 2^31 - 1 ms. */
const longestMs = ms('24d');
const mostBytes = bytes.parse('1024TB')!;

// Checked before the libraries see them: they read `16GiB` as 16 bytes, and take signs and exponents.
const durationPattern = /^\d{1,12}(?:\.\d{1,6})? ?(?:ms|s|m|h|d)$/;
const sizePattern = /^\d{1,12}(?:\.\d{1,6})? ?[KkMmGgTt]?[Bb]$/;
const cpusPattern = /^\d{1,5}(?:\.\d{1,3})?$/;
const mostCpus = 10_000;

/** `90s`, `2h`, `1.5d` → seconds. */
export const duration: Quantity<number> = {
  schema: { type: 'string', pattern: durationPattern.source },
  parse(text) {
    const time = durationPattern.test(text) ? ms(text as ms.StringValue) : 0;
    if (time > 0 && time <= longestMs) return { value: time / 1000 };
    return { expected: 'a duration with its unit, such as `90s` or `2h`, of at most 24d, is expected' };
  },
};

/** `16GB`, `512MB` → bytes, each unit 1024 times the one before. */
export const size: Quantity<number> = {
  schema: { type: 'string', pattern: sizePattern.source },
  parse(text) {
    const found = sizePattern.test(text) ? Math.floor(bytes.parse(text) ?? 0) : 0;
    if (found > 0 && found <= mostBytes) return { value: found };
    return { expected: 'a size with its unit, such as `512MB` or `16GB`, of at most 1024TB, is expected' };
  },
};

/** A whole number as people write it: no sign, no exponent, no other base. */
export function whole(minimum: number, maximum: number): Quantity<number> {
  return {
    schema: {
      anyOf: [
        { type: 'integer', minimum, maximum },
        { type: 'string', pattern: '^\\d{1,9}$' },
      ],
    },
    parse(text) {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
      if (value >= minimum && value <= maximum) return { value };
      return { expected: `a whole number from ${minimum} to ${maximum} is expected` };
    },
  };
}

/** CPUs, also a part of one. */
export const cpus: Quantity<number> = {
  schema: {
    anyOf: [
      { type: 'number', exclusiveMinimum: 0, maximum: mostCpus },
      { type: 'string', pattern: cpusPattern.source },
    ],
  },
  parse(text) {
    const value = cpusPattern.test(text) ? Number(text) : 0;
    if (value > 0 && value <= mostCpus) return { value };
    return { expected: `a number of CPUs, such as \`4\` or \`0.5\`, of at most ${mostCpus}, is expected` };
  },
};

export const answer: Quantity<boolean> = {
  schema: { enum: [true, false, 'true', 'false'] },
  parse(text) {
    if (text === 'true' || text === 'false') return { value: text === 'true' };
    return { expected: '`true` or `false` is expected' };
  },
};

export const gpuCount = whole(0, 1000);
export const portCount = whole(0, 100);
export const port = whole(1, 65_535);
export const retryCount = whole(0, 100);
export const nodeCount = whole(1, mostNodes);
