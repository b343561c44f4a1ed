import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../e2e/project.ts';
import { createRandom, seedOf } from '../simulation/random.ts';
import { openArena } from './arena.ts';
import { stepsTaken, watchContainers } from './computing.ts';
import { strike } from './faults.ts';
import { openFleet } from './fleet.ts';
import { keepClean } from './janitor.ts';
import { leftoversOf } from './leftovers.ts';
import { observe } from './observer.ts';
import { submitAll } from './submitters.ts';
import {
  type Ended,
  judgeArtifacts,
  judgeComputing,
  judgeEvidence,
  judgeLog,
  judgeOutcomes,
  readEnded,
} from './verdict.ts';

/** What came of some time of faults. */
export interface Report {
  readonly violations: readonly string[];
  readonly struck: Readonly<Record<string, number>>;
  /** Processes and containers that were killed. */
  readonly kills: number;
  readonly acknowledged: number;
  /** Commands that were killed or refused, none of which was told that it had succeeded. */
  readonly unacknowledged: number;
  /** What refused commands said. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Jobs by how they ended. */
  readonly states: Readonly<Record<string, number>>;
  /** Attempts after the first. */
  readonly takeovers: number;
  readonly locks: number;
  readonly served: boolean;
  readonly docker: boolean;
}

const runners = 3;
const submitEveryMs = 1_100;
/** For all that was begun to end, once nothing goes wrong any more. */
const settleMs = 150_000;
/** Seconds; a machine that is busy delays everything. What its own delays were is added. */
const leastSlack = 1;
/** Runs whose artifacts are downloaded by `dstack`, too. */
const downloads = 6;

/**
 * Real runners, commands, containers and a real repository, with random faults for `seconds`; then all must settle,
 * and everything that was acknowledged be there. The seed decides what is drawn, not what real time makes of it.
 */
export async function playReal(options: {
  seed: number;
  seconds: number;
  note?: (text: string) => void;
}): Promise<Report> {
  const { seed, seconds, note = () => {} } = options;
  const random = (name: string) => createRandom(seedOf(seed, name));
  const arena = await openArena({ served: random('served')() < 0.5 });
  const names = Array.from({ length: runners }, (_, index) => `real-${seed}-${process.pid}-${index + 1}`);
  const fleet = openFleet(arena, names);
  try {
    const containers = arena.docker ? watchContainers(names) : null;
    const observer = observe(arena);
    const janitor = keepClean(arena);
    const delays = measureDelays();
    fleet.complete();
    const submitters = submitAll(arena, random('submitters'), submitEveryMs);
    await sleep(1_500);
    const faults = strike({ arena, fleet, submitters }, random('faults'), note);
    await sleep(seconds * 1000);
    await faults.stop();
    note('no more faults');

    const violations: string[] = [];
    await submitters.stop();
    fleet.complete();
    const pending = async () => {
      fleet.complete();
      const queue = await arena.project.refs('queue');
      const runs = await arena.project.refs('runs');
      const live = queue.filter((key) => runs.includes(key.split('/')[0] as string));
      const left = [...live, ...(await arena.project.refs('claims'))];
      return left.filter((key) => submitters.acknowledged.has(key.split('/')[0] as string));
    };
    await until('the end of all jobs', async () => (await pending()).length === 0, settleMs).catch(
      async () => {
        violations.push(`not settled: ${(await pending()).join(', ')}`);
        for (const name of names)
          violations.push(fleet.processOf(name)?.output().slice(-2_000) ?? `${name} is gone`);
      },
    );
    await fleet.leave();
    const last = arena.project.startRunner(`${names[0]}`, ['--drain', '--poll', '300ms'], arena.env);
    const drained = await Promise.race([last.exited, sleep(60_000, 'it hangs', { ref: false })]);
    if (drained !== 0) violations.push(`a runner with --drain: ${drained}: ${last.output()}`);
    await janitor.stop();
    await janitor.cleanUp();
    await observer.stop();
    const slack = leastSlack + delays.stop();

    const ended = await readEnded(arena);
    const steps = stepsTaken(arena);
    const boxes = (await containers?.stop()) ?? [];
    violations.push(
      ...fleet.deaths,
      ...submitters.violations,
      ...observer.violations,
      ...judgeOutcomes(ended, submitters.acknowledged, observer),
      ...ended.flatMap(judgeLog),
      ...(await Promise.all(ended.map((one) => judgeArtifacts(arena, one)))).flat(),
      ...judgeComputing([...steps, ...boxes], fleet.halts, observer.outcomes, slack),
      ...judgeEvidence(steps, ended),
      ...(await leftoversOf(arena, names)).map((what) => `left over: ${what}`),
      ...(await download(arena, ended)),
    );
    // `git repack -d` alone leaves a commit graph that names what it has removed: Git's own affair.
    const fsck = await arena.project
      .git(['-c', 'core.commitGraph=false', 'fsck', '--full', '--no-dangling', '--no-progress'])
      .catch(String);
    if (fsck !== '') violations.push(`git fsck: ${fsck}`);
    const { struck } = faults;
    return {
      violations,
      struck,
      kills: Object.entries(struck).reduce(
        (sum, [kind, count]) => sum + (kind.startsWith('kill') ? count : 0),
        0,
      ),
      acknowledged: submitters.acknowledged.size,
      unacknowledged: submitters.counts.killed + submitters.counts.refused,
      refusals: countBy(submitters.refusals),
      states: countBy(ended.map(({ record }) => record.state)),
      takeovers: ended.reduce((sum, { record }) => sum + Math.max(0, record.attempt - 1), 0),
      locks: janitor.removed(),
      served: arena.served,
      docker: arena.docker,
    };
  } finally {
    await arena.remove();
  }
}

/** `dstack artifacts download` of some of the runs that are done: it verifies every hash. */
async function download(
  arena: Awaited<ReturnType<typeof openArena>>,
  ended: readonly Ended[],
): Promise<string[]> {
  const violations: string[] = [];
  const done = ended.filter(({ record }) => record.state === 'done' && record.artifacts !== null);
  for (const { key } of done.slice(0, downloads)) {
    const args = ['artifacts', 'download', key, '-o', `${arena.project.root}/got/${key}`];
    const { exitCode, stderr } = await arena.project.dstack(args, { env: arena.env });
    if (exitCode !== 0) violations.push(`dstack ${args.join(' ')}: ${stderr}`);
  }
  return violations;
}

/** The longest delay of a timer, in seconds: how late anything on this machine may have been. */
function measureDelays(): { stop(): number } {
  let [longest, before] = [0, performance.now()];
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, (now - before) / 1000 - 0.1);
    before = now;
  }, 100);
  return {
    stop() {
      clearInterval(timer);
      return longest;
    },
  };
}

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
