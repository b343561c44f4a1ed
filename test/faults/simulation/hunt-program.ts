// Hunts in a process of its own: BASE LIMIT KIND [shrink]. Prints what it found as JSON.
import { hunt } from './hunt.ts';
import { shrink } from './shrink.ts';

const [base, limit, kind = '', shrinks] = process.argv.slice(2);
const pattern = new RegExp(kind);
const { prey, played } = await hunt(Number(base), Number(limit), (violation) => pattern.test(violation));
const shrunk = prey && shrinks ? await shrink(prey.seed) : null;
const finding = {
  played,
  seed: prey?.seed ?? null,
  violations: prey?.history.violations ?? [],
  struck: prey?.history.struck.length ?? 0,
  shrunk: shrunk && {
    misfortunes: shrunk.misfortunes,
    violations: shrunk.history.violations,
    log: shrunk.history.log,
  },
};
console.log(JSON.stringify(finding));
