// Some seconds of real faults. REAL_SEED and REAL_SECONDS say which and how long; a longer hunt is `npm run test:faults`.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { playReal } from './real/play.ts';

const seed = Number(process.env.REAL_SEED ?? Date.now() % 1_000_000);
const seconds = Number(process.env.REAL_SECONDS ?? 10);

test('whatever is killed, halted or cut off, nothing that was acknowledged is lost', async () => {
  console.log(`REAL_SEED=${seed} REAL_SECONDS=${seconds}`);
  const { violations } = await playReal({ seed, seconds, note: (text) => console.log(text) });
  assert.equal(violations, []);
});

test.run();
