import { ratioOf, type Summary, summarize } from './statistics.ts';

export type Unit = 'ms' | 's' | 'bytes' | 'pushes' | 'round trips' | 'ms of CPU';

/** One figure beside what it is measured against. */
export interface Row {
  /** What is measured, and on how much of it. */
  readonly what: string;
  /** The floor or the peer; null: nothing. */
  readonly against: string | null;
  readonly unit: Unit;
  /** Null: it could not be measured here, and `note` says why. */
  readonly measured: Summary | null;
  readonly floor: Summary | null;
  readonly ratio: Summary | null;
  /** In words; null: it is there to be looked at. */
  readonly aim: string | null;
  readonly met: boolean | null;
  readonly note: string | null;
}

/** What a benchmark is run with. */
export interface BenchOptions {
  /** How much smaller than usual everything is to be, to see that it works: 1 is as usual. */
  readonly scale: number;
  /** What NODE_EXTRA_CA_CERTS was set to: what is measured starts without it, but a peer may have to be fetched with it. */
  readonly certificates: string | undefined;
  /** Tells a person how it is going. */
  say(line: string): void;
}

export interface Benchmark {
  readonly name: string;
  /** One line for people. */
  readonly about: string;
  run(options: BenchOptions): Promise<Row[]>;
}

/** What a figure should be like. */
export interface Aim {
  readonly words: string;
  met(of: Pick<Row, 'measured' | 'floor' | 'ratio'>): boolean;
}

/** At most so many times what it is measured against. */
export const atMostTimes = (limit: number): Aim => ({
  words: `≤ ${limit} ×`,
  met: ({ ratio }) => ratio !== null && ratio.median <= limit,
});

/** Less time than the peer takes. */
export const ahead: Aim = { words: '< 1 ×', met: ({ ratio }) => ratio !== null && ratio.median < 1 };

/** At most this, in the row's unit. */
export const atMost = (limit: number, words: string): Aim => ({
  words: `≤ ${words}`,
  met: ({ measured }) => measured !== null && measured.median <= limit,
});

/** At most so much above what it is measured against, in the row's unit. */
export const atMostAbove = (limit: number, words: string): Aim => ({
  words: `≤ ${words} above`,
  met: ({ measured, floor }) =>
    measured !== null && floor !== null && measured.median - floor.median <= limit,
});

export const both = (one: Aim, other: Aim): Aim => ({
  words: `${one.words}, ${other.words}`,
  met: (of) => one.met(of) && other.met(of),
});

interface RowInput extends Pick<Row, 'what' | 'unit'> {
  readonly measured: readonly number[];
  readonly against?: { readonly what: string; readonly values: readonly number[] };
  readonly aim?: Aim;
  readonly note?: string;
}

/** A row from what was measured; of two sides, round by round. */
export function rowOf({ what, unit, measured, against, aim, note }: RowInput): Row {
  const figures = {
    measured: summarize(measured),
    floor: against === undefined ? null : summarize(against.values),
    ratio: against === undefined ? null : ratioOf(measured, against.values),
  };
  return {
    what,
    against: against?.what ?? null,
    unit,
    ...figures,
    aim: aim?.words ?? null,
    met: aim?.met(figures) ?? null,
    note: note ?? null,
  };
}

/** A row for what can't be measured on this machine. */
export function absentRow(what: string, against: string | null, aim: Aim | null, why: string): Row {
  return {
    what,
    against,
    unit: 'ms',
    measured: null,
    floor: null,
    ratio: null,
    aim: aim?.words ?? null,
    met: null,
    note: why,
  };
}

/** A number of things of which there are usually so many, at least `least`. */
export function scaled({ scale }: BenchOptions, usual: number, least = 1): number {
  return Math.max(Math.min(least, usual), Math.round(usual * scale));
}

/** How many rounds; fewer of them where everything is smaller, but still enough for a median. */
export function rounds({ scale }: BenchOptions, usual: number): number {
  return scale >= 1 ? usual : Math.min(usual, Math.max(3, Math.round(usual * scale)));
}
