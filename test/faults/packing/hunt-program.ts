// Hunts in a process of its own: BASE LIMIT KIND. Prints what it found as JSON.
import { play } from './play.ts';

const [base, limit, kind = ''] = process.argv.slice(2);
const pattern = new RegExp(kind);
let played = 0;
let found: { seed: number; violations: readonly string[] } | null = null;
while (played < Number(limit) && !found) {
  const seed = Number(base) + played;
  const { violations } = play(seed);
  played += 1;
  if (violations.some((violation) => pattern.test(violation))) found = { seed, violations };
}
console.log(
  JSON.stringify({
    played,
    seed: found?.seed ?? null,
    violations: found?.violations ?? [],
    struck: 0,
    shrunk: null,
  }),
);
