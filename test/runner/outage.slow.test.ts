// A claimed job while the shared repository does not answer: that costs time, not the job.
import { join } from 'node:path';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DstackError } from '../../src/errors.ts';
import { openGpuMeter } from '../../src/executor/gpu-use.ts';
import { initBareRepository } from '../../src/git/repository.ts';
import { inOrder } from '../../src/ledger/in-order.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openLiveReader, readClaimTip } from '../../src/ledger/live.ts';
import { executeJob } from '../../src/runner/execute-job.ts';
import { openExecutors } from '../../src/runner/executors.ts';
import { openSecrets } from '../../src/runner/secrets.ts';
import { openSettler } from '../../src/runner/settler.ts';
import { openSnapshots } from '../../src/runner/snapshot-cache.ts';
import { openFolderStore } from '../../src/store/folder-store.ts';
import { scratchFolder } from '../git/scratch-repository.ts';
import {
  claimant,
  jobSpec,
  participant,
  queued,
  runRequest,
  scratchShared,
  submit,
} from '../ledger/support.ts';

const cacheKey = 'c'.repeat(64);

/** The same ledger, but that listing is refused as if nobody answered. */
function away(ledger: Ledger, isAway: (prefixes: readonly string[]) => boolean): Ledger {
  const shared = Object.assign(Object.create(ledger.shared), {
    list: async (...args: Parameters<Ledger['shared']['list']>) => {
      if (isAway(args[0])) throw new DstackError('unreachable', 'nobody answers');
      return ledger.shared.list(...args);
    },
  });
  return { ...ledger, shared };
}

/** Begins the one job there is, in a runner's workplace. */
async function begin(isAway: (prefixes: readonly string[], names: Ledger['names']) => boolean) {
  const shared = await scratchShared();
  const whole = await participant(shared.path);
  const jobs = runRequest(whole, 'run-1', [jobSpec('train')]).jobs.map((job) => ({ ...job, cacheKey }));
  await submit(whole, 'run-1', [jobSpec('train')], { jobs });
  const ledger = away(whole, (prefixes) => isAway(prefixes, whole.names));
  const folder = scratchFolder();
  const executors = await openExecutors({ requested: 'process', imagesOptional: false, watchdog: undefined });
  const log = pino({ level: 'silent' });
  const settler = openSettler(ledger, log);
  const place = {
    ledger,
    cache: await initBareRepository(join(folder, 'cache.git')),
    claimant: claimant(),
    folder: join(folder, 'work'),
    log,
    oneAtATime: inOrder(),
  };
  const control = await executeJob(
    {
      ...place,
      snapshots: openSnapshots(place),
      settler,
      reader: openLiveReader(ledger),
      store: openFolderStore(join(folder, 'store')),
      executors,
      gpuMeter: openGpuMeter(),
      secrets: openSecrets({}, shared.path),
      grace: 1_000,
      noteRun: async () => {},
    },
    await queued(whole, 'run-1'),
    null,
    { cpu: 0, memory: 0, gpus: [] },
    new Set(),
  );
  assert.ok(control);
  const ended = control.ended.finally(async () => {
    await settler.idle();
    await executors.close();
  });
  const stateOf = async (ref: string) => {
    const commit = shared.refs().get(ref);
    const tip = commit === undefined ? null : await readClaimTip(whole, commit);
    return tip?.kind === 'finished' ? tip.record.state : (tip?.claim.state ?? null);
  };
  return { control: { ...control, ended }, stateOf, shared };
}

test('an outage right after the claim is waited through', async () => {
  const asked: string[] = [];
  const isFirst = (what: string) => asked.push(what) > 0 && asked.filter((one) => one === what).length === 1;
  const { control, stateOf } = await begin((prefixes, names) => {
    if (prefixes.includes(names.cache(cacheKey))) return isFirst('cache');
    const looksForMakers = prefixes.includes(names.area('queue')) && prefixes.includes(names.area('claims'));
    return looksForMakers && isFirst('makers');
  });
  assert.is(await control.ended, 'finished');
  assert.is(await stateOf('refs/dstack/jobs/run-1/train'), 'done');
  assert.equal(asked, ['cache', 'cache', 'makers', 'makers']);
});

test('what is given back in an outage has not failed', async () => {
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { control, shared } = await begin((prefixes, names) => {
    const looksForResult = prefixes.includes(names.cache(cacheKey));
    if (looksForResult) asked();
    return looksForResult;
  });
  await isAsked;
  control.giveBack();
  assert.is(await control.ended, 'given-back');
  const left = [...shared.refs().keys()].filter((ref) => !ref.startsWith('refs/dstack/runs/'));
  assert.equal(left, ['refs/dstack/queue/run-1/train']);
});

test.run();
