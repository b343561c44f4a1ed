// Fleets of random machines and what is submitted to them, in virtual time: whom a job goes to, and that each has its
// turn. The code that decides is the runner's own. PACKING_SEED and PACKING_FLEETS say which to begin with, and how many.
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { play } from './packing/play.ts';
import { makeJob, type RunnerSpec, type World } from './packing/world.ts';
import { type Change, huntWith, plant } from './plant.ts';

const base = Number(process.env.PACKING_SEED ?? Date.now() % 1_000_000_000);
const fleets = Number(process.env.PACKING_FLEETS ?? 12);
const folder = await mkdtemp(path.join(os.tmpdir(), 'packing-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test('among small jobs that keep coming, large ones have their turn, and important ones come first', () => {
  for (let seed = base; seed < base + fleets; seed += 1)
    assert.equal(play(seed).violations, [], `PACKING_SEED=${seed} PACKING_FLEETS=1`);
});

const gb = 2 ** 30;
const machines = {
  small: { cpu: 2, memory: 8 * gb, gpus: [] },
  large: { cpu: 32, memory: 128 * gb, gpus: [] },
  gpus: { cpu: 2, memory: 8 * gb, gpus: [{ name: 'Tesla T4', memory: 15 * gb }] },
};
const runner = (name: keyof typeof machines, more: Partial<RunnerSpec> = {}): RunnerSpec => ({
  name,
  machine: machines[name],
  concurrency: 4,
  deaf: false,
  wallOffset: 0,
  ...more,
});
const world = (runners: RunnerSpec[], jobs: World['jobs']): World => ({
  runners,
  jobs,
  latency: 50,
  poll: 2_000,
  patience: 60_000,
});
/** Who has begun what, by the names of the jobs. */
const where = ({ jobs }: World) =>
  Object.fromEntries(jobs.map(({ entry, begun }) => [entry.id.job, begun?.by ?? null]));

test('the smallest machine that is large enough takes a job; a larger one does what that has no room for', () => {
  const fleet = world(
    [runner('large'), runner('gpus'), runner('small')],
    [
      makeJob('first', 5_000, 60_000, { cpu: 2 }),
      makeJob('second', 20_000, 60_000, { cpu: 2 }),
      makeJob('third', 40_000, 60_000, { cpu: 16 }),
      makeJob('trains', 41_000, 60_000, { cpu: 1, gpu: { count: 1, name: null, memory: null } }),
    ],
  );
  assert.equal(play(1, fleet).violations, []);
  assert.equal(where(fleet), { first: 'small', second: 'large', third: 'large', trains: 'gpus' });
});

test('a smaller machine that takes nothing is waited for for moments only', () => {
  const jobs = [makeJob('job', 5_000, 1_000, { cpu: 1 })];
  const fleet = world([runner('small', { deaf: true }), runner('large')], jobs);
  assert.equal(play(1, fleet).violations, []);
  assert.equal(where(fleet), { job: 'large' });
  assert.ok((jobs[0]?.begun?.at ?? 0) < 15_000);
});

test('runners do not run at the same jobs', () => {
  const runners = Array.from({ length: 12 }, (_, index) => ({
    ...runner('small', { concurrency: 1 }),
    name: `r${index}`,
  }));
  const matrix = Array.from({ length: 150 }, (_, index) =>
    makeJob(`cell-${index}`, 1_000, 4_000, { cpu: 1 }, { run: 'matrix' }),
  );
  const singles = Array.from({ length: 150 }, (_, index) =>
    makeJob(`single-${index}`, 1_000 + 300 * index, 4_000, { cpu: 1 }),
  );
  for (const jobs of [matrix, singles]) {
    const { violations, tried, wasted } = play(1, world(runners, jobs));
    assert.equal(violations, []);
    console.log(`${(tried / (tried - wasted)).toFixed(3)} claims are tried for each that is won`);
    assert.ok(wasted < jobs.length / 10, `${wasted} of ${tried} claims were in vain`);
  }
});

const mutants: readonly (Change & { name: string; kind: RegExp })[] = [
  {
    name: 'nobody keeps room for a job that finds none',
    file: 'src/runner/line-up.ts',
    text: 'if (hasRoom || heldBack || waited < patience) return false;',
    by: 'if (hasRoom || heldBack || waited < patience * 1_000) return false;',
    kind: /run-big\S* (waits for|never begins)/,
  },
  {
    name: 'all keep room for the same job',
    file: 'src/runner/line-up.ts',
    text: 'return waited >= patience * 4 ** before;',
    by: 'return waited >= patience + before * 0;',
    kind: /runners keep room for/,
  },
  {
    name: 'who keeps room fills it with small jobs',
    file: 'src/runner/line-up.ts',
    text: "return !('lacking' in allot(self.stock, taken, spec));",
    by: 'return taken.length >= 0;',
    kind: /run-big\S* (waits for|never begins)/,
  },
  {
    name: 'what matters more does not come first',
    file: 'src/ledger/queue-order.ts',
    text: 'return b.priority - a.priority || compare',
    by: 'return 0 * b.priority || compare',
    kind: /higher priority/,
  },
  {
    name: 'what is younger is taken while what is older waits for its turn',
    file: 'src/runner/go-through.ts',
    text: 'opening.since > since + alikeFor',
    by: 'opening.since > since + 1e9 * alikeFor',
    kind: /much older/,
  },
];

for (const [index, mutant] of mutants.entries()) {
  test(`a mistake is found: ${mutant.name}`, async () => {
    const program = path.join(folder, `${index}.mjs`);
    await plant(mutant, program, 'test/faults/packing/hunt-program.ts');
    const finding = await huntWith(program, { base: 1, limit: 60, kind: mutant.kind });
    assert.ok(finding.seed !== null, `not found in ${finding.played} fleets`);
    console.log(`${mutant.name}\n  seed ${finding.seed}, ${finding.violations[0]}`);
  });
}

test.run();
