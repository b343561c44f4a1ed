import { type History, simulate } from './simulate.ts';

export interface Prey {
  readonly seed: number;
  readonly history: History;
}

/**
 * Plays the histories of `limit` seeds from `base` on, until one violates something that `wanted` accepts.
 * @returns it, or null, and how many were played
 */
export async function hunt(
  base: number,
  limit: number,
  wanted: (violation: string) => boolean = () => true,
): Promise<{ prey: Prey | null; played: number }> {
  // Most calls that fail do so on purpose, and nobody looks where.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    for (let played = 1; played <= limit; played += 1) {
      const seed = base + played - 1;
      const history = await simulate({ seed });
      if (history.violations.some(wanted)) return { prey: { seed, history }, played };
    }
    return { prey: null, played: limit };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
