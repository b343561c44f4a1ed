import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { discoverRepository } from '../../src/git/repository.ts';
import { planRun } from '../../src/ledger/plan-run.ts';
import { scratchRepository } from '../git/scratch-repository.ts';
import { variablesOf, workflowsOf } from '../language/language-fixture.ts';
import { type Draw, drawOverrides, drawWorld, editWorld, pick } from './cache-oracle/edits.ts';
import { snapshotOf, variablesText, type World, whatJobsSee, workflowsText } from './cache-oracle/world.ts';

const project = scratchRepository();
const repository = await discoverRepository(project.path);
const written = new Map<string, string>();

/** The project as a Git tree. */
function treeOf(world: World): string {
  const snapshot = [...snapshotOf(world)];
  const lines = snapshot.map(([path, { content, executable }]) => {
    const id = written.get(content) ?? createHash('sha1').update(blob(content)).digest('hex');
    if (!written.has(content)) write(content);
    written.set(content, id);
    return `${executable ? '100755' : '100644'} ${id}\t${path}\0`;
  });
  const run = (input: string, ...args: string[]) =>
    execFileSync('git', args, { cwd: project.path, input, encoding: 'utf8' }).trim();
  run('', 'read-tree', '--empty');
  run(lines.join(''), 'update-index', '-z', '--index-info');
  return run('', 'write-tree');
}

const blob = (content: string) => `blob ${Buffer.byteLength(content)}\0${content}`;

function write(content: string): void {
  execFileSync('git', ['hash-object', '-w', '--stdin'], { cwd: project.path, input: content });
}

/**
 * Plays runs of a project that is edited between them, with the real planner and a cache that is a map: what a job
 * "computes" is what it sees. So a result from the cache that isn't what the job sees now is stale, and one that is
 * computed though something before saw the same is needless.
 */
async function play(draw: Draw, runs: number): Promise<{ executed: number; cached: number }> {
  const world = drawWorld(draw);
  const cache = new Map<string, string>();
  const computed = new Set<string>();
  const count = { executed: 0, cached: 0 };
  for (let index = 0; index < runs; index += 1) {
    const root = draw(3) > 0 ? world.workflows.at(-1)! : pick(world.workflows, draw);
    const overrides = drawOverrides(new Set(root.variables ?? world.variables.keys()), draw);
    const sights = whatJobsSee(world, root, overrides);
    const jobs = await planRun(
      repository,
      treeOf(world),
      workflowsOf(workflowsText(world)),
      variablesOf(variablesText(world)),
      {
        workflow: root.name,
        overrides,
        runName: `run-${draw(1000)}`,
        environment: {},
        resolveTag: () => [],
      },
      async () => null,
    );
    assert.equal(jobs.map(({ spec }) => spec.name).sort(), [...sights.keys()].sort());
    for (const { spec, cacheKey } of jobs) {
      const sees = sights.get(spec.name)!;
      const result = cache.get(cacheKey!);
      if (result === undefined) {
        if (computed.has(sees)) throw new Error(`${spec.name} is computed needlessly: ${sees}`);
        computed.add(sees);
        cache.set(cacheKey!, sees);
        count.executed += 1;
      } else {
        if (result !== sees) throw new Error(`${spec.name} is stale: it sees ${sees}\nand gets ${result}`);
        count.cached += 1;
      }
    }
    for (let more = draw(3); more > 0; more -= 1) editWorld(world, draw);
  }
  return count;
}

test('of random projects under random edits no result is ever stale, and none is made needlessly', async () => {
  const total = { executed: 0, cached: 0 };
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat(0xffff)), async (stream) => {
      const { executed, cached } = await play((of) => Number(stream.next().value) % of, 12);
      total.executed += executed;
      total.cached += cached;
    }),
    { numRuns: 25 },
  );
  // It would prove little if nearly all, or nearly nothing, came from the cache.
  assert.ok(total.executed > 100 && total.cached > 100, JSON.stringify(total));
});

test.run();
