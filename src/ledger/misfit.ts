import bytes from 'bytes';
import type { JobSpec } from '../language/job-spec.ts';
import { type Allowed, accessShortfalls } from './access-shortfalls.ts';

/** What a runner's machine has; its GPUs are those that the runner may give to jobs. Memory in bytes. */
export interface Machine {
  readonly cpu: number;
  readonly memory: number;
  readonly gpus: readonly Gpu[];
}

export interface Gpu {
  readonly name: string;
  readonly memory: number;
}

/** What a runner has for jobs, as its card says it. */
export interface Offer {
  readonly labels: Readonly<Record<string, string>>;
  readonly machine: Machine;
  /** True: the machine can be taken away at short notice, and is only for jobs that allow that. */
  readonly interruptible?: boolean | undefined;
  /** False: it takes no job with an image. */
  readonly takesImages?: false | undefined;
  /** False: it takes no job without an image. */
  readonly takesPlain?: false | undefined;
  /** Secrets that jobs in the queue ask for, and that it can't give to those of this workflow. */
  readonly lacks?: readonly LackedSecret[] | undefined;
  /** What it lets containers have that ask for it; without it, nothing. */
  readonly allows?: Allowed | undefined;
}

export interface LackedSecret {
  readonly workflow: string;
  readonly secret: string;
}

/** What a job needs of a runner. What is not said of it is not looked at. */
export type Needs = Pick<JobSpec, 'labels' | 'resources'> &
  Partial<Pick<JobSpec, 'image' | 'secrets' | 'workflow' | 'access'>>;

/** Something that a job needs and a runner has not, or not enough of, in words. */
export interface Shortfall {
  /** After "needs". */
  readonly needs: string;
  /** After "has". */
  readonly has: string;
  /** How far the runner is off: from nearly 0 to 1, nothing of it there. */
  readonly distance: number;
}

/**
 * A card sold with 16 GB tells a tenth less, some of it being set aside: what somebody asks for is what it says on the
 * box.
 */
const gpuMemoryTold = 0.9;

export function gpuMatches(gpu: Gpu, wanted: NonNullable<JobSpec['resources']['gpu']>): boolean {
  if (wanted.name !== null && !gpu.name.toLowerCase().includes(wanted.name.toLowerCase())) return false;
  return wanted.memory === null || gpu.memory >= wanted.memory * gpuMemoryTold;
}

/** `2 GPUs (A100, 40GB each)`. */
export function gpuWords({ count, name, memory }: NonNullable<JobSpec['resources']['gpu']>): string {
  const which = [name, memory === null ? null : `${bytes(memory)}${count > 1 ? ' each' : ''}`].filter(
    Boolean,
  );
  return `${counted(count)}${which.length > 0 ? ` (${which.join(', ')})` : ''}`;
}

/** Why a job can never run on a machine with these labels, as a clause about the job; null: it can. */
export function misfit(needs: Needs, offer: Offer): string | null {
  const lacking = shortfalls(needs, offer);
  return lacking.length === 0 ? null : `needs ${lacking.map((one) => one.needs).join(', ')}`;
}

/** All that keeps a job from ever running there; none: it fits. Pure. */
export function shortfalls(job: Needs, offer: Offer): Shortfall[] {
  const { cpu, memory, gpu } = job.resources;
  const { machine } = offer;
  const found = [
    ...missingLabels(job, offer),
    ...missingKinds(job, offer),
    ...accessShortfalls(job.access, offer.allows),
  ];
  if (cpu !== null && cpu > machine.cpu) {
    found.push({ needs: `${cpu} CPUs`, has: `${machine.cpu} CPUs`, distance: 1 - machine.cpu / cpu });
  }
  if (memory !== null && memory > machine.memory) {
    const has = `${bytes(machine.memory)} of memory`;
    found.push({ needs: `${bytes(memory)} of memory`, has, distance: 1 - machine.memory / memory });
  }
  const matching = gpu === null ? 0 : machine.gpus.filter((one) => gpuMatches(one, gpu)).length;
  if (gpu !== null && matching < gpu.count) {
    const has = hasGpus(machine, gpu, matching);
    found.push({ needs: gpuWords(gpu), has, distance: 1 - matching / gpu.count });
  }
  return found;
}

function missingLabels({ labels }: Needs, offer: Offer): Shortfall[] {
  const missing = Object.entries(labels).filter(([name, value]) => offer.labels[name] !== value);
  if (missing.length === 0) return [];
  const others = missing.flatMap(([name]) => {
    const value = Object.hasOwn(offer.labels, name) ? offer.labels[name] : undefined;
    return value === undefined ? [] : [`${short(name)}=${short(value)}`];
  });
  return [
    {
      needs: `the label ${missing.map(([name, value]) => `${short(name)}=${short(value)}`).join(', ')}`,
      has: others.join(', ') || 'no such label',
      distance: 1,
    },
  ];
}

/** What it takes to run the job at all: a machine that stays, containers or plain processes, and its secrets. */
function missingKinds({ image, resources, secrets, workflow }: Needs, offer: Offer): Shortfall[] {
  const found: Shortfall[] = [];
  if (offer.interruptible && !resources.interruptible)
    found.push({ needs: 'a machine that stays', has: 'an interruptible one', distance: 1 });
  if (image === null && offer.takesPlain === false)
    found.push({ needs: 'plain processes', has: 'only Docker', distance: 1 });
  if (typeof image === 'string' && offer.takesImages === false)
    found.push({ needs: 'Docker', has: 'only plain processes', distance: 1 });
  const lacked = (secrets ?? []).filter((name) =>
    offer.lacks?.some((lack) => lack.secret === name && lack.workflow === workflow),
  );
  if (lacked.length > 0) {
    const has = lacked.length === 1 ? 'no such secret' : 'none of these secrets';
    found.push({ needs: `the secret ${lacked.map(short).join(', ')}`, has, distance: 1 });
  }
  return found;
}

/** What there is in place of the GPUs that a job wants. */
function hasGpus({ gpus }: Machine, wanted: NonNullable<JobSpec['resources']['gpu']>, matching: number) {
  if (matching > 0)
    return wanted.name === null && wanted.memory === null ? counted(matching) : `${matching} of them`;
  const [first] = gpus;
  if (!first) return 'no GPU';
  const largest = gpus.reduce((a, b) => (b.memory > a.memory ? b : a), first);
  const size = largest.memory > 0 ? `, ${bytes(largest.memory)}` : '';
  return `${counted(gpus.length)} (${short(largest.name)}${size})`;
}

/** `1 GPU`, `2 GPUs`. */
function counted(gpus: number): string {
  return `${gpus} GPU${gpus === 1 ? '' : 's'}`;
}

/** Of what others have written: no more than is needed to know it again. */
function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
