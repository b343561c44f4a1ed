// Some seconds of real faults, and some restarts. REAL_SEED and REAL_SECONDS say which and how long; a longer hunt is
// `npm run test:faults`.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { playReal } from './real/play.ts';
import { endure, restart } from './real/restarts.ts';

const seed = Number(process.env.REAL_SEED ?? Date.now() % 1_000_000);
const seconds = Number(process.env.REAL_SECONDS ?? 10);

test('whatever is killed, halted or cut off, nothing that was acknowledged is lost', async () => {
  const faults: string[] = [];
  const { violations } = await playReal({ seed, seconds, note: (text) => faults.push(text) });
  const told = () =>
    `REAL_SEED=${seed} REAL_SECONDS=${seconds}\n${faults.join('\n')}\n${violations.join('\n')}`;
  assert.is(violations.length, 0, violations.length > 0 ? told() : '');
});

test('runners that are killed and start again take up what they had, and leave nothing', async () => {
  const { violations, left } = await restart({ cycles: 12, parallel: 2, docker: false });
  assert.equal(violations, []);
  const gone = [
    'processes',
    'containers',
    'work folders',
    'lock files',
    'queue',
    'claims',
    'stops',
    'runners',
  ];
  for (const what of gone) assert.is(left[what], 0, `${what}: ${left[what]}`);
});

test('a runner that executes job after job holds no more than after the first ones', async () => {
  const { samples } = await endure(78);
  const [first, last] = [samples[0], samples.at(-1)];
  assert.ok(first && last && last.jobs > first.jobs);
  assert.ok(last.descriptors <= first.descriptors + 2, JSON.stringify(samples));
});

test.run();
