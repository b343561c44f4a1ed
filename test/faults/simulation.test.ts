// Random histories of the ledger's protocol against its invariants. SIMULATION_SEED and SIMULATION_HISTORIES say which
// seed to begin with and how many to play; a violation names both its seed and the misfortunes that it takes.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hunt } from './simulation/hunt.ts';
import { minimize, shrink } from './simulation/shrink.ts';
import { simulate } from './simulation/simulate.ts';

const base = Number(process.env.SIMULATION_SEED ?? Date.now() % 1_000_000_000);
const histories = Number(process.env.SIMULATION_HISTORIES ?? 400);

test('whatever goes wrong, the protocol keeps its promises', async () => {
  console.log(`SIMULATION_SEED=${base} SIMULATION_HISTORIES=${histories}`);
  const started = performance.now();
  const { prey, played } = await hunt(base, histories);
  const rate = played / ((performance.now() - started) / 1000);
  console.log(`${played} histories, ${rate.toFixed(0)} a second`);
  if (!prey) return;
  const shrunk = await shrink(prey.seed);
  const { misfortunes, history } = shrunk ?? { misfortunes: [], history: prey.history };
  console.log(
    ['', ...history.log, '', `it takes ${misfortunes.length} misfortunes:`, ...misfortunes].join('\n'),
  );
  assert.unreachable(`SIMULATION_SEED=${prey.seed}: ${history.violations.join('; ')}`);
});

test('a seed determines its history, and writing it down does not change it', async () => {
  const [one, other, silent] = [
    await simulate({ seed: 7, logs: true }),
    await simulate({ seed: 7, logs: true }),
    await simulate({ seed: 7 }),
  ];
  assert.ok(one.log.length > 20);
  assert.equal(other.log, one.log);
  assert.equal(silent.struck, one.struck);
});

test('a history without misfortunes is one of the same seed', async () => {
  const { struck, violations } = await simulate({ seed: 7, only: new Set() });
  assert.equal(struck, []);
  assert.equal(violations, []);
});

test('what is minimal is found, in order', async () => {
  const all = Array.from({ length: 50 }, (_, index) => index);
  const needed = [3, 17, 18, 44];
  const minimal = await minimize(all, async (part) => needed.every((one) => part.includes(one)));
  assert.equal(minimal, needed);
  assert.equal(await minimize(all, async () => true), []);
});

test.run();
