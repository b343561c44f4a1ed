import { scheduleArchivist, scheduleReader } from './archivist.ts';
import { createChecker } from './checker.ts';
import { createFortune, type Misfortune } from './fortune.ts';
import { drawHost } from './host.ts';
import { createMemoryObjects } from './memory-objects.ts';
import { createRandom, seedOf } from './random.ts';
import { scheduleRunner } from './runner-life.ts';
import { createServer } from './server.ts';
import type { Stage } from './stage.ts';
import { stopper } from './stopper.ts';
import { submitter } from './submitter.ts';
import { type Actor, createWorld } from './world.ts';

/** One history; everything in it follows from this. */
export interface Scenario {
  readonly seed: number;
  /** The misfortunes that strike, by their ids; all that the seed has unless it says so. */
  readonly only?: ReadonlySet<string>;
  /** Write down what happens. It changes nothing else. */
  readonly logs?: boolean;
}

export interface History {
  readonly violations: readonly string[];
  /** The misfortunes that struck, in order. */
  readonly struck: readonly Misfortune[];
  readonly log: readonly string[];
}

/** World time at which misfortunes end, and by which everything must have ended then. */
const calmAt = 80_000;
const overAt = 8 * 60_000;

/** Plays one history of submitters, runners and stops against one repository, and checks all of it. */
export async function simulate({ seed, only, logs = false }: Scenario): Promise<History> {
  const draw = createRandom(seedOf(seed, 'what there is'));
  const world = createWorld(seed, logs);
  const objects = createMemoryObjects();
  const instances = new Map<Actor, string>();
  const fortune = createFortune(world, only ?? null);
  const checker = createChecker(world, objects, (actor) => instances.get(actor) ?? actor.name);
  const host = drawHost(draw);
  world.note(() => {
    const kinds = (['atomic', 'isolated', 'rewind', 'delete'] as const).map(
      (kind) => `${host[kind] ? '' : 'not '}${kind}`,
    );
    return kinds.join(', ');
  });
  const server = createServer(world, objects, host, fortune, checker);
  const busy = new Map<object, Actor>();
  let ids = 0;
  const nextId = () => `id${ids++}`;
  const gangs = createRandom(seedOf(seed, 'gangs'));
  const contended = gangs() < 0.15;
  const stage: Stage = { world, objects, server, checker, busy, instances, contended, nextId };

  const actors: (() => Actor)[] = [];
  const runners = 2 + Math.floor(draw() * 3);
  for (let index = 0; index < runners; index += 1) actors.push(scheduleRunner(stage, fortune, `r${index}`));

  const most = gangs() < 0.4 ? runners : 1;
  const half = Math.floor(runners / 2) + 1;
  const nodes = () =>
    contended
      ? half + Math.floor(gangs() * (runners - half + 1))
      : gangs() < 0.6 && most > 1
        ? 2 + Math.floor(gangs() * (most - 1))
        : 1;
  const together = draw() < 0.3;
  let toSubmit = (contended ? 2 : 1) + Math.floor(draw() * 3);
  for (let index = toSubmit - 1; index >= 0; index -= 1) {
    const own = createRandom(seedOf(seed, `submission ${index}`));
    const names = own() < 0.2 ? ['run0', `run${index}-again`] : [`run${index}`];
    // A name that may be taken is asked for when its run is archived, perhaps.
    const latest = names.length > 1 ? 60_000 : 25_000;
    // What then comes to nothing is helped by no further misfortune.
    const earliest = contended ? calmAt - 4_000 : 0;
    world.at(earliest + (together ? 1_000 + own() * 50 : own() * (contended ? 8_000 : latest)), null, () => {
      const actor = world.actor(`submitter${index}`);
      let over = false;
      const end = () => {
        if (!over) toSubmit -= 1;
        over = true;
      };
      void submitter(stage, actor, names, own, nodes).then((targets) => {
        if (own() < 0.3) void stopper(stage, targets, own);
        end();
      });
      const [fate, when] = [actor.luck(), actor.luck()];
      world.at(when ** 3 * 2_000, null, () => {
        if (over || fate > 0.15 || !fortune.strikes(`${actor.name} killed`)) return;
        actor.alive = false;
        end();
      });
    });
  }
  const archivists = Math.floor(draw() * 3);
  const atOnce = draw() < 0.5;
  for (let index = 0; index < archivists; index += 1) {
    const name = `archivist${index}`;
    scheduleArchivist(stage, fortune, name, atOnce ? 'all archivists' : name);
  }
  scheduleReader(stage, fortune);
  world.at(calmAt, null, () => {
    fortune.calm();
    server.back();
  });

  const live = /^refs\/dstack\/(?:queue|claims|stops|nodes)\/([^/]+)\//;
  const isQuiet = () => {
    if (toSubmit > 0 || server.underWay() > 0) return false;
    // Nor may anybody be left who would go on with something.
    for (const actor of busy.values()) if (actor.alive) return false;
    for (const ref of server.refs.keys()) {
      const run = live.exec(ref)?.[1];
      if (run !== undefined && !checker.isStuck(run, server.refs)) return false;
    }
    return actors.every((actor) => !actor().alive || actor().stoppedUntil <= world.now());
  };
  await world.run(overAt, () => checker.violations.length > 0 || isQuiet());
  if (checker.violations.length === 0) checker.finally(server.refs);
  return { violations: checker.violations, struck: fortune.struck, log: world.log };
}
