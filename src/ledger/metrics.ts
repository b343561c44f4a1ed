import * as z from 'zod';
import type { Measurements } from './measurements.ts';

const mostNames = 200;
const longestName = 200;
const longestText = 200;

/** As a record keeps them. */
export const measurementsSchema = z
  .record(z.string().max(longestName), z.union([z.number(), z.string().max(longestText), z.boolean()]))
  .refine((found) => Object.keys(found).length <= mostNames, 'too many names');

/**
 * Reads one line of a file of metrics: a JSON object. Objects in it are taken apart, `{"val": {"loss": 1}}` measures
 * `val.loss`; lists and nulls are left out. Python writes `NaN` and `Infinity`, which JSON doesn't have: they are read.
 * @returns null: it is no such line
 */
export function parseMeasurements(line: string): Measurements | null {
  const tree = parseJson(line) ?? parseJson(quoteNonNumbers(line));
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) return null;
  const found = new Map<string, number | string | boolean>();
  takeApart(tree as Record<string, unknown>, '', found);
  return Object.fromEntries(found);
}

function takeApart(
  tree: Record<string, unknown>,
  prefix: string,
  found: Map<string, number | string | boolean>,
): void {
  for (const [key, value] of Object.entries(tree)) {
    const name = `${prefix}${key}`;
    if (name.length > longestName || found.size >= mostNames) continue;
    if (typeof value === 'number' || typeof value === 'boolean') found.set(name, value);
    else if (typeof value === 'string') found.set(name, value.slice(0, longestText));
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      takeApart(value as Record<string, unknown>, `${name}.`, found);
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Puts quotes around the words that Python has for them, outside of texts. */
function quoteNonNumbers(line: string): string {
  return line.replace(
    /("(?:[^"\\]|\\.)*")|-?\b(?:NaN|Infinity)\b/g,
    (word, text: string | undefined) => text ?? JSON.stringify(word),
  );
}

/** The newest value of every name. */
export function addMeasurements(before: Measurements, next: Measurements): Measurements {
  const all = Object.entries({ ...before, ...next });
  return Object.fromEntries(all.slice(0, mostNames));
}
