// What a runner does with its free hands, from its looks at a real repository.
import { join } from 'node:path';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { initBareRepository } from '../../src/git/repository.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openExecutors } from '../../src/runner/executors.ts';
import { startRunner } from '../../src/runner/runner.ts';
import { openSecrets } from '../../src/runner/secrets.ts';
import { openFolderStore } from '../../src/store/folder-store.ts';
import { scratchFolder } from '../git/scratch-repository.ts';
import { jobSpec, participant, type Shared, scratchLedger, submit } from '../ledger/support.ts';

/** A ledger with something done before each listing. */
function beforeListing(ledger: Ledger, act: (prefixes: readonly string[]) => void | Promise<void>): Ledger {
  const shared: Ledger['shared'] = Object.assign(Object.create(ledger.shared), {
    list: async (...args: Parameters<Ledger['shared']['list']>) => {
      await act(args[0]);
      return ledger.shared.list(...args);
    },
  });
  return { ...ledger, shared };
}

/** Lets a runner end all there is to do. @returns how many jobs it finished */
async function drain(ledger: Ledger, { path }: Shared, concurrency: number): Promise<number> {
  const folder = scratchFolder();
  const executors = await openExecutors({ requested: 'process', imagesOptional: false, watchdog: undefined });
  const runner = startRunner({
    ledger,
    store: openFolderStore(join(folder, 'store')),
    executors,
    cache: await initBareRepository(join(folder, 'cache.git')),
    secrets: openSecrets({}, path),
    name: 'one',
    version: '0',
    labels: {},
    address: '127.0.0.1',
    concurrency,
    lease: 60_000,
    poll: 500,
    grace: 1_000,
    folder: join(folder, 'work'),
    log: pino({ level: 'silent' }),
    until: { kind: 'drain' },
  });
  try {
    return (await runner.ended).finished;
  } finally {
    await executors.close();
  }
}

const threeJobs = ['a', 'b', 'c'].map((name) => jobSpec(name));

test('with several hands free the claims are made at the same time', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1', threeJobs);
  let together = 0;
  // The second look after a claim, which is held up until all three are there.
  const secondLooks = threeJobs.map(({ name }) => ledger.names.job('stops', { run: 'run-1', job: name }));
  const gated = beforeListing(await participant(shared.path, 'runner'), async (prefixes) => {
    if (!secondLooks.some((ref) => prefixes.includes(ref))) return;
    for (let tries = 0; tries < 100 && together < 3; tries += 1) {
      const claims = [...shared.refs().keys()].filter((ref) => ref.startsWith('refs/dstack/claims/'));
      together = Math.max(together, claims.length);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  assert.is(await drain(gated, shared, 3), 3);
  assert.is(together, 3);
});

test('a hand that becomes free goes on with what the last look has shown', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-1', threeJobs);
  let looks = 0;
  const counting = beforeListing(await participant(shared.path, 'runner'), (prefixes) => {
    const { names } = ledger;
    const isLook = (['queue', 'claims', 'stops'] as const).every((area) =>
      prefixes.includes(names.area(area)),
    );
    if (isLook && [...shared.refs().keys()].every((ref) => !ref.startsWith('refs/dstack/jobs/'))) looks += 1;
  });
  assert.is(await drain(counting, shared, 1), 3);
  assert.ok(looks <= 2, `${looks} looks before a job was settled`);
});

test('two jobs of one result are not claimed at the same time', async () => {
  const { shared, ledger } = await scratchLedger();
  const jobs = threeJobs.map((spec) => ({ spec, cacheKey: 'c'.repeat(64), useCache: true }));
  await submit(ledger, 'run-1', threeJobs, { jobs });
  let most = 0;
  const watching = beforeListing(await participant(shared.path, 'runner'), () => {
    const claims = [...shared.refs()].filter(
      ([ref, commit]) =>
        ref.startsWith('refs/dstack/claims/') &&
        shared.git('ls-tree', '--name-only', commit).includes('claim.json'),
    );
    most = Math.max(most, claims.length);
  });
  assert.is(await drain(watching, shared, 3), 3);
  assert.is(most, 1);
});

test.run();
