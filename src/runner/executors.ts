import { DstackError } from '../errors.ts';
import { createDockerExecutor } from '../executor/docker-executor.ts';
import type { Executor, ImageIdentity } from '../executor/executor.ts';
import { listGpus } from '../executor/gpus.ts';
import { createProcessExecutor } from '../executor/process-executor.ts';
import type { SpawnerOptions } from '../executor/spawner.ts';
import type { Watchdog } from '../executor/watchdog.ts';
import type { JobSpec } from '../language/job-spec.ts';
import type { Stock } from '../ledger/allotments.ts';
import { watchDocker } from './watch-docker.ts';

/** What a runner can execute, and with what. */
export interface Executors {
  /** `docker`, `process`, or both: what jobs can be executed with now. */
  readonly description: string;
  /** Worth saying at the start: why there are no containers, or fewer GPUs than there may be. */
  readonly note: string | null;
  /**
   * To be called at each look, before anything is taken: Docker can go, and come, at any time.
   * @returns what has become of it, for people; null: what it was
   */
  look(): Promise<string | null>;
  /** What a job needs that does not answer now, as a clause about the job; null: nothing. */
  away(spec: Pick<JobSpec, 'image' | 'access'>): string | null;
  /** What jobs can have of this machine. */
  readonly stock: Stock;
  /** Null: this runner leaves the job to others. `notice` is the first line of the job's log. */
  choose(spec: Pick<JobSpec, 'image' | 'access'>): { executor: Executor; notice: string | null } | null;
  /** Which image a job would run in here and now; null: in none, or that can't be told. */
  imageNow(spec: Pick<JobSpec, 'image'>): Promise<ImageIdentity | null>;
  sweep(runner: string): Promise<number>;
  close(): Promise<void>;
}

export interface ExecutorsOptions {
  requested: Executor['kind'] | undefined;
  /** Without Docker, run jobs that name an image as plain processes, too (a run on one's own machine). */
  imagesOptional: boolean;
  watchdog: Watchdog | undefined;
  /** Starts many short processes; see there. */
  spawner?: SpawnerOptions | undefined;
  /** Where the runner keeps what a successor clears away: there once jobs are started. */
  folder?: string | undefined;
}

/**
 * Docker's executor takes the jobs that name an image, plain processes take the others. Asking for one of the two
 * leaves out the other: `docker` takes only containers, `process` runs everything without its image, and says so.
 * @throws DstackError `no-executor` if the one asked for can't be used here
 */
export async function openExecutors(options: ExecutorsOptions): Promise<Executors> {
  const { requested, watchdog, spawner, folder } = options;
  const plain = requested === 'docker' ? null : createProcessExecutor({ watchdog, spawner, folder });
  const docker = requested === 'process' ? null : createDockerExecutor({ watchdog });
  const answer = docker ? await docker.check() : null;
  if (answer && !answer.ok && requested === 'docker') {
    await docker?.close();
    throw new DstackError('no-executor', answer.detail, { hint: answer.remedy });
  }
  if (plain) {
    const { ok, detail, remedy } = await plain.check();
    if (!ok) throw new DstackError('no-executor', detail, { hint: remedy });
  }
  const isHere = answer?.ok ?? false;
  const withoutImage = requested === 'process' || (options.imagesOptional && !isHere);
  // Where it does not answer yet it may later on.
  const containers = withoutImage ? null : docker;
  if (docker && !containers) await docker.close();
  const watch = containers && watchDocker(containers, isHere);
  const all = [containers, plain].filter((executor) => executor !== null);
  const here = () => all.filter((executor) => executor !== containers || watch?.answers());
  const capacities = await Promise.all(here().map((executor) => executor.capacity()));
  const least = (of: 'cpu' | 'memory') => Math.min(...capacities.map((capacity) => capacity[of]));
  const { gpus, problem } = await listGpus();
  const stock = { cpu: least('cpu'), memory: least('memory'), gpus };
  const notes = [
    ...(answer && !answer.ok
      ? [
          `${answer.detail}: ${withoutImage ? 'jobs run as plain processes, without their images' : 'only jobs without an image are taken, until it answers'}`,
        ]
      : []),
    ...(problem === null ? [] : [`nvidia-smi: ${problem}; there may be GPUs that jobs don't get`]),
  ];
  const choose: Executors['choose'] = ({ image, access }) => {
    if (image !== null && containers) return { executor: containers, notice: null };
    // Without a container it would see other files than it asks for, or more.
    if (access) return null;
    if (plain && image === null) return { executor: plain, notice: null };
    if (plain && withoutImage) {
      return {
        executor: plain,
        notice: `dstack: the image ${image} is not used: this runs as a plain process\n`,
      };
    }
    return null;
  };
  return {
    stock,
    get description() {
      return here()
        .map((executor) => executor.kind)
        .join('+');
    },
    look: async () => watch?.look() ?? null,
    away(spec) {
      const isAway = watch?.answers() === false && choose(spec)?.executor === containers;
      return isAway ? 'needs Docker, which does not answer here' : null;
    },
    note: notes.join('; ') || null,
    choose,
    async imageNow(spec) {
      return (spec.image !== null && (await choose(spec)?.executor.imageNow?.(spec.image))) || null;
    },
    async sweep(runner) {
      const counts = await Promise.all(here().map((executor) => executor.sweep(runner)));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async close() {
      await Promise.all(all.map((executor) => executor.close()));
    },
  };
}
