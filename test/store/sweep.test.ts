import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Mistakes, simulateSweeps } from './sweep-simulation.ts';

const seeds = 300;

test('whatever comes together, and whoever is killed, what is needed stays, and the rest goes', async () => {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const wrong = await simulateSweeps(seed);
    assert.is(wrong, null, `seed ${seed}: ${wrong}`);
  }
});

const mistakes: Mistakes[] = [
  { waitsForNobody: true },
  { looksOnce: true },
  { retiredIsThere: true },
  { seesNoMove: true },
];
for (const mistake of mistakes) {
  test(`the simulation finds ${Object.keys(mistake)}`, async () => {
    for (let seed = 1; seed <= seeds; seed += 1) if ((await simulateSweeps(seed, mistake)) !== null) return;
    assert.unreachable('it was not found');
  });
}

test.run();
