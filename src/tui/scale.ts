/** How the values of an axis become places on it. */
export interface Scale {
  readonly kind: 'linear' | 'log';
  readonly min: number;
  readonly max: number;
  /** From 0, where `min` is, to 1. */
  place(value: number): number;
}

/** Values that span as many powers of ten or more, and are all positive, are shown by their logarithm. */
const naturalDecades = 3;

/**
 * The scale on which all of these values have a place.
 * @param log true: logarithmic if anything is positive, and what isn't has no place; undefined: if that is natural
 */
export function scaleOf(values: readonly number[], log?: boolean): Scale {
  const [low, high] = range(values);
  const isWide = low > 0 && Math.log10(high) - Math.log10(low) >= naturalDecades;
  if (log ?? isWide) {
    const [least, most] = range(values.filter((value) => value > 0));
    // Of neighbours the logarithms can be the same.
    if (least === most || Math.log10(least) < Math.log10(most)) return logarithmic(least, most);
  }
  return low <= high ? linear(low, high) : linear(0, 1);
}

function range(values: readonly number[]): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function linear(low: number, high: number): Scale {
  // One value alone stands in the middle.
  const around = Math.abs(low) / 10 || 1;
  const largest = Number.MAX_VALUE;
  const beside = [Math.max(low - around, -largest), Math.min(low + around, largest)] as const;
  const [min, max] = low < high ? [low, high] : beside;
  // What lies between the largest numbers is larger than any.
  const part = Number.isFinite(max - min) ? 1 : 0.5;
  const span = max * part - min * part;
  return { kind: 'linear', min, max, place: (value) => (value * part - min * part) / span };
}

function logarithmic(low: number, high: number): Scale {
  const around = [Math.max(low / 10, Number.MIN_VALUE), Math.min(high * 10, Number.MAX_VALUE)] as const;
  const [min, max] = low < high ? [low, high] : around;
  const [from, to] = [Math.log10(min), Math.log10(max)];
  return { kind: 'log', min, max, place: (value) => (Math.log10(value) - from) / (to - from) };
}

/** A value that is marked on an axis, and how it is written there. */
export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** Characters of a label. */
export const longestLabel = 11;

/** Round values on a scale, ascending. @param most 2 at least */
export function ticksOf(scale: Scale, most: number): Tick[] {
  const decades = scale.kind === 'log' ? decadeTicks(scale, most) : [];
  return decades.length >= 2 ? decades : roundTicks(scale, most);
}

function decadeTicks({ min, max }: Scale, most: number): Tick[] {
  const [first, last] = [Math.ceil(Math.log10(min) - 1e-9), Math.floor(Math.log10(max) + 1e-9)];
  const step = Math.max(1, Math.ceil((last - first + 1) / most));
  const ticks: Tick[] = [];
  for (let power = first; power <= last; power += step)
    ticks.push({ value: 10 ** power, label: power >= -3 && power <= 4 ? `${10 ** power}` : `1e${power}` });
  return ticks;
}

function roundTicks({ min, max }: Scale, most: number): Tick[] {
  const power = Math.floor(Math.log10((max - min) / most));
  for (const factor of [1, 2, 5, 10, 20, 50]) {
    const step = factor * 10 ** power;
    const [first, last] = [Math.ceil(min / step - 1e-9), Math.floor(max / step + 1e-9)];
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) break;
    if (last - first + 1 > most) continue;
    const values = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
    const digit = Math.floor(Math.log10(step) + 1e-9);
    return values.map((value) => ({ value, label: tickLabel(value, digit, Math.max(-min, max)) }));
  }
  // At the limits of what numbers can tell apart nothing is round.
  return [min, max].map((value) => ({ value, label: value.toExponential(1) }));
}

/** @param digit the power of ten in which it differs from the next tick */
function tickLabel(value: number, digit: number, largest: number): string {
  if (value === 0) return '0';
  const plain = largest < 1e6 && digit >= -5 ? value.toFixed(Math.max(0, -digit)) : '';
  if (plain !== '' && plain.length <= longestLabel) return plain;
  const digits = Math.floor(Math.log10(Math.abs(value)) + 1e-9) - digit;
  return value.toExponential(Math.min(4, Math.max(0, digits)));
}
