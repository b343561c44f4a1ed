import { createRandom, seedOf } from '../simulation/random.ts';
import { type Job, makeJob, type RunnerSpec, type World } from './world.ts';

const gb = 2 ** 30;
const t4 = { name: 'Tesla T4', memory: 15 * gb };
const a100 = { name: 'NVIDIA A100-SXM4-40GB', memory: 40 * gb };
const kinds = [
  { cpu: 4, memory: 16 * gb, gpus: [] },
  { cpu: 8, memory: 32 * gb, gpus: [] },
  { cpu: 16, memory: 64 * gb, gpus: [t4, t4] },
  { cpu: 32, memory: 128 * gb, gpus: [a100, a100, a100, a100] },
];

/** How long small jobs compute at most; milliseconds. */
export const longestSmall = 20_000;
const streamsFor = 6 * 60_000;

/**
 * A fleet that is kept busy by a stream of small jobs, among which a few come that need a whole machine, and some that
 * matter more. One runner may be there and take nothing; clocks may be wrong.
 */
export function drawWorld(seed: number): World {
  const draw = createRandom(seedOf(seed, 'world'));
  const among = <T>(things: readonly T[]): T => things[Math.floor(draw() * things.length)] as T;
  const runners: RunnerSpec[] = Array.from({ length: 1 + Math.floor(draw() * 4) }, (_, index) => ({
    name: `r${index}`,
    machine: among(kinds),
    concurrency: 2 + Math.floor(draw() * 6),
    deaf: false,
    wallOffset: draw() < 0.3 ? (draw() - 0.5) * 6 * 86_400_000 : 0,
  }));
  if (runners.length > 1 && draw() < 0.3) {
    const deaf = runners[0] as RunnerSpec;
    runners[0] = { ...deaf, deaf: true };
  }
  const awake = runners.filter(({ deaf }) => !deaf);
  const hands = awake.reduce((sum, { concurrency }) => sum + concurrency, 0);
  const jobs: Job[] = [];
  // As many as the hands can bear, and a few more; by their CPUs they may take less.
  const every = (longestSmall * 0.6) / hands / (1 + draw() * 0.3);
  for (let at = 0; at < streamsFor; at += every * (0.5 + draw())) {
    const name = `small-${jobs.length}`;
    const cpu = among([null, 1, 1, 2, 2]);
    const memory = among([null, gb, 4 * gb]);
    const gpu = draw() < 0.2 && awake.some(({ machine }) => machine.gpus.length > 0);
    const resources = { cpu, memory, gpu: gpu ? { count: 1, name: null, memory: null } : null };
    const priority = draw() < 0.03 ? among([5, -3]) : 0;
    jobs.push(makeJob(name, at, longestSmall * (0.2 + 0.8 * draw()), resources, { priority }));
  }
  for (let index = 0; index < 1 + Math.floor(draw() * 2); index += 1) {
    const { machine } = among(awake);
    const { length } = machine.gpus;
    const resources =
      length > 0 && draw() < 0.5
        ? { cpu: 2, gpu: { count: length, name: null, memory: null } }
        : { cpu: machine.cpu, memory: draw() < 0.5 ? machine.memory : null };
    jobs.push(makeJob(`big-${index}`, 30_000 + draw() * 60_000, 5_000 + draw() * 25_000, resources));
  }
  return { runners, jobs, latency: 20 + draw() * 300, poll: 2_000, patience: 60_000 };
}
