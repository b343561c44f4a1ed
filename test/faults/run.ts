// Hunts for broken promises: `tsx test/faults/run.ts [--seconds N] [--seed S] [--restarts N]`. A third of the time goes to
// simulated histories, the rest to real processes; `--restarts` kills and restarts runners that often instead.
import { parseArgs } from 'node:util';
import { playReal } from './real/play.ts';
import { endure, restart } from './real/restarts.ts';
import { hunt } from './simulation/hunt.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    restarts: { type: 'string', default: '0' },
  },
});
const [seconds, seed, restarts] = [values.seconds, values.seed, values.restarts].map(Number) as [
  number,
  number,
  number,
];
if (![seconds, seed, restarts].every((number) => Number.isSafeInteger(number) && number >= 0)) {
  console.error('--seconds, --seed and --restarts take whole numbers');
  process.exit(2);
}
const problems: string[] = [];
if (restarts > 0) await kill(restarts);
else await play();
for (const problem of problems) console.log(`VIOLATION ${problem}`);
console.log(problems.length === 0 ? 'nothing was lost' : `${problems.length} violations: --seed ${seed}`);
process.exitCode = problems.length === 0 ? 0 : 1;

async function play(): Promise<void> {
  console.log(`seed ${seed}`);
  const until = performance.now() + (seconds / 3) * 1000;
  let played = 0;
  while (performance.now() < until && problems.length === 0) {
    const { prey, played: more } = await hunt(seed + played, 20);
    played += more;
    if (prey) problems.push(`SIMULATION_SEED=${prey.seed}: ${prey.history.violations.join('; ')}`);
  }
  console.log(`${played} simulated histories`);
  const report = await playReal({
    seed,
    seconds: Math.ceil((seconds * 2) / 3),
    note: (text) => console.log(`  ${text}`),
  });
  problems.push(...report.violations);
  const struck = Object.values(report.struck).reduce((sum, count) => sum + count, 0);
  const jobs = Object.entries(report.states).map(([state, count]) => `${count} ${state}`);
  const where = report.served ? 'git daemon' : 'a folder';
  console.log(
    `real processes (${where}, ${report.docker ? 'with' : 'without'} Docker): ${struck} faults struck`,
  );
  console.log(
    `${report.kills} kills survived, ${report.takeovers} jobs taken over, ${report.locks} stale locks removed`,
  );
  console.log(
    `${report.acknowledged} runs acknowledged, ${report.unacknowledged} commands killed or refused; jobs: ${jobs.join(', ')}`,
  );
}

async function kill(cycles: number): Promise<void> {
  const report = await restart({ cycles, parallel: 3, docker: false, note: (text) => console.log(text) });
  problems.push(...report.violations);
  console.log(`${report.cycles} restarts in ${report.seconds} s; left: ${JSON.stringify(report.left)}`);
  for (const sample of (await endure(Math.min(cycles, 500))).samples)
    console.log(`after ${sample.jobs} jobs: ${sample.descriptors} descriptors, ${sample.megabytes} MB`);
}
