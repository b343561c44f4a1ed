import type { JobSpec } from '../language/job-spec.ts';
import { type Allotment, allot } from '../ledger/allotments.ts';
import type { Action } from '../ledger/decide.ts';
import type { Seen } from '../ledger/gangs/fate.ts';
import { openFittingRunners } from '../ledger/gangs/fitting-runners.ts';
import type { Gang } from '../ledger/gangs/formats.ts';
import { comesBefore, gangOf, offersToMake } from '../ledger/gangs/gather.ts';
import type { Live, NodeTip } from '../ledger/live.ts';
import { jobName } from '../ledger/refs.ts';
import type { SilenceWatch } from '../ledger/silence.ts';
import { findCached } from './cached-result.ts';
import type { JobControl } from './execute-job.ts';
import { beyondMachine } from './fit.ts';
import { startMember } from './gang-member.ts';
import { openGathering } from './gathering.ts';
import { freePort } from './own-address.ts';
import type { RunnerOptions } from './runner-options.ts';
import type { Workplace } from './workplace.ts';

export type Gather = Extract<Action, { do: 'gather' }>;
type Execute = Extract<Action, { do: 'execute' }>;

/** What a runner does for jobs on several nodes, beside its other jobs. */
export interface GangShift {
  /** Keys of the jobs of which it is a node, without having the claim. */
  jobs(): string[];
  /** How many hands these and its offers take. */
  size(): number;
  /** What others come to see of it in its card; null: it offers itself to nobody. */
  waits(live: Pick<Live, 'nodes' | 'queue'>): string | null;
  /** Is it, or one of these jobs, part of a gang? Then changes of others are of interest, though no hand is free. */
  isActive(jobs: Iterable<Pick<JobControl, 'leads'>>): boolean;
  /** Can't begin, as far as the cards of all runners tell. */
  isHopeless(key: string): boolean;
  /** Follows what it has offered, and nodes, to their fates. */
  see(live: Live, silence: SilenceWatch): void;
  /**
   * Offers itself where that is its turn, and begins what is complete.
   * @param gathers jobs that fit it
   * @param ahead others that fit it: those that come first have what they need first
   * @returns milliseconds until there may be more for it
   */
  act(
    gathers: readonly Gather[],
    ahead: readonly Execute[],
    live: Live,
    silence: SilenceWatch,
  ): Promise<number>;
  leave(): void;
  end(): Promise<void>;
}

/** What it shares with the other jobs of its runner. */
export interface Hands {
  /** What of the machine each job has, by its key. */
  readonly taken: Map<string, Allotment>;
  /** How many more jobs there may be, were it not for what is offered. */
  room(): number;
  /** Milliseconds until it is this runner's turn. */
  turnIn(action: Gather, place: number): number;
  /** @returns whether the job was claimed */
  claim(action: Gather, share: Allotment, gang: Gang | null): Promise<boolean>;
  /** Something has become free; `withdrawn`: not for this job, for a while; `ended`: it was a node of it. */
  changed(key: string, how: 'ended' | 'withdrawn' | 'offer-gone'): void;
}

/** An offer that nothing comes of stands for so long; then, for as long, others have their chance; milliseconds. */
const patience = 5 * 60_000;

const nothing: Allotment = { cpu: 0, memory: 0, gpus: [] };

export function openGangShift(
  work: Workplace,
  { address, until }: Pick<RunnerOptions, 'address' | 'until'>,
  hands: Hands,
): GangShift {
  const { ledger, claimant, executors } = work;
  const fitting = openFittingRunners(ledger);
  /** Whoever is there for one run is there for all of it, whatever the cards say. */
  const forOneRun = until.kind === 'run';
  const joined = new Set<string>();
  const hopeless = new Set<string>();
  const lookedUp = new Map<string, boolean>();
  const offeredAt = new Map<string, number>();
  const gathering = openGathering<Allotment>(
    ledger,
    claimant,
    (joining, share) => {
      joined.add(jobName(joining.holder.entry.id));
      return startMember(work, joining, share);
    },
    (key, how) => {
      joined.delete(key);
      noteShares();
      hands.changed(key, how);
    },
  );
  const noteShares = () => {
    for (const key of hands.taken.keys()) if (key.startsWith(marked)) hands.taken.delete(key);
    for (const [key, share] of gathering.shares()) hands.taken.set(`${marked}${key}`, share);
  };

  /** Its result may be there already: then it takes no nodes. Asked once, since each look would cost a call. */
  const isCached = async ({ entry, over }: Gather): Promise<boolean> => {
    if (over !== null) return false;
    const known = lookedUp.get(entry.commit);
    if (known !== undefined) return known;
    const found = (await findCached(work, entry).catch(() => null)) !== null;
    lookedUp.set(entry.commit, found);
    return found;
  };

  const stand = (
    live: Live,
    silence: SilenceWatch,
    gathers: readonly Gather[],
    ahead: readonly Execute[],
  ) => {
    const now = performance.now();
    for (const key of offeredAt.keys()) if (!live.queue.has(key)) offeredAt.delete(key);
    const isTired = ({ entry }: Gather) => {
      const since = offeredAt.get(jobName(entry.id));
      return (
        since !== undefined && (now - since) % (2 * patience) > patience && gathers.length + ahead.length > 1
      );
    };
    const eligible = gathers.filter((one) => !hopeless.has(jobName(one.entry.id)) && !isTired(one));
    const members = [...gathering.shares()].filter(([key]) => joined.has(key));
    const taken = [...hands.taken].filter(([key]) => !key.startsWith(marked)).map(([, share]) => share);
    taken.push(...members.map(([, share]) => share));
    const share = (spec: JobSpec) => {
      const found = beyondMachine(executors, spec) === null ? allot(executors.stock, taken, spec) : nothing;
      if ('lacking' in found) return null;
      taken.push(found);
      return found;
    };
    const wanted = offersToMake<Gather | Execute, Allotment>(
      [...eligible, ...ahead],
      hands.room() - members.length,
      ({ entry }) => share(entry.job.spec),
    ).flatMap(({ job, share }) => (job.do === 'gather' ? [{ entry: job.entry, share }] : []));
    for (const { entry } of wanted)
      if (!offeredAt.has(jobName(entry.id))) offeredAt.set(jobName(entry.id), now);
    gathering.offer(wanted, { live, silence });
    noteShares();
  };

  const begin = async (action: Gather, gang: readonly NodeTip[]): Promise<boolean> => {
    const key = jobName(action.entry.id);
    const share = gathering.shares().get(key) ?? nothing;
    const members = gang
      .filter(({ node }) => node.runner !== claimant.runner)
      .map(({ node: { runner, offer } }) => ({ runner, offer }));
    const id = ledger.clock.id();
    const port = await freePort();
    const won = await hands.claim(action, share, { id, address, port, members, phase: 'gathering' });
    if (won) gathering.takeBack(key);
    return won;
  };

  return {
    jobs: () => [...joined],
    size: () => gathering.shares().size,
    isActive: (jobs) => gathering.shares().size > 0 || [...jobs].some(({ leads }) => leads),
    isHopeless: (key) => hopeless.has(key),
    waits({ nodes, queue }) {
      for (const key of gathering.shares().keys()) {
        const entry = queue.get(key);
        if (!entry || joined.has(key)) continue;
        const there = [...nodes.values()].filter(({ id }) => jobName(id) === key).length;
        return `the other nodes of ${key}: ${there} of ${entry.job.spec.nodes} are there`;
      }
      return null;
    },
    see(live, silence) {
      gathering.see({ live, silence }, live.stops);
    },
    async act(gathers, ahead, live, silence) {
      const seen: Seen = { live, silence };
      await gathering.clear(seen);
      hopeless.clear();
      if (gathers.length > 0 && !forOneRun) {
        const counts = await fitting(gathers.map(({ entry }) => entry.job.spec));
        gathers.forEach(({ entry }, index) => {
          if ((counts[index] as number) < (entry.job.spec.nodes ?? 1)) hopeless.add(jobName(entry.id));
        });
      }
      for (const commit of lookedUp.keys())
        if (!gathers.some(({ entry }) => entry.commit === commit)) lookedUp.delete(commit);
      const open: Gather[] = [];
      let dueIn = Number.POSITIVE_INFINITY;
      for (const action of [...gathers].sort((a, b) => comesBefore(a.entry, b.entry))) {
        if (hands.room() > 0 && (await isCached(action))) {
          await hands.claim(action, nothing, null);
          lookedUp.delete(action.entry.commit);
        } else open.push(action);
      }
      stand(live, silence, open, ahead);
      for (const action of open) {
        const offer = gathering.offered(jobName(action.entry.id));
        const gang = offer === null ? null : gangOf(action.entry, seen);
        const place = gang?.findIndex(({ node }) => node.offer === offer?.claim().offer) ?? -1;
        if (!gang || place < 0) continue;
        const wait = hands.turnIn(action, place);
        if (wait > 0) dueIn = Math.min(dueIn, wait);
        else if (!(await begin(action, gang))) dueIn = 0;
      }
      return dueIn;
    },
    leave: gathering.leave,
    end: gathering.end,
  };
}

/** Before the keys of what is offered, beside those of jobs that are claimed. */
const marked = 'node ';
