import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Finished } from '../../src/ledger/settle.ts';
import { openSettler } from '../../src/runner/settler.ts';
import { claim, finish, jobSpec, queued, scratchLedger, submit } from '../ledger/support.ts';

const log = pino({ level: 'silent' });

/** Jobs that are finished and not settled. */
async function finishedJobs(ledger: Ledger, count: number): Promise<Finished[]> {
  const names = Array.from({ length: count }, (_, index) => `job-${index}`);
  await submit(
    ledger,
    'run-1',
    names.map((name) => jobSpec(name)),
  );
  const jobs: Finished[] = [];
  for (const name of names) jobs.push(await finish(await claim(ledger, await queued(ledger, 'run-1', name))));
  return jobs;
}

/** The same ledger, whose pushes are counted; `near`: all can be done in one. */
function counting(ledger: Ledger, near: boolean): { ledger: Ledger; pushes: number[] } {
  const pushes: number[] = [];
  const shared: Ledger['shared'] = Object.assign(Object.create(ledger.shared), {
    push: (...args: Parameters<Ledger['shared']['push']>) => {
      if (args[0].length > 0) pushes.push(args[0].length);
      return ledger.shared.push(...args);
    },
    pushWhole: (updates: Parameters<Ledger['shared']['push']>[0]) => {
      if (near) pushes.push(updates.length);
      return near ? ledger.shared.pushWhole?.(updates) : null;
    },
  });
  return { ledger: { ...ledger, shared }, pushes };
}

// Job, note and queue entry of the first one, and its claim; the same of the five others.
const pushesOf = { 'in a repository on this machine': [4, 20], elsewhere: [3, 1, 15, 5] };

for (const [where, expected] of Object.entries(pushesOf)) {
  test(`what ends while a settling is under way, or soon after it, goes with the next one: ${where}`, async () => {
    const { shared, ledger } = await scratchLedger();
    const [first, ...others] = await finishedJobs(ledger, 6);
    const counted = counting(ledger, where !== 'elsewhere');
    const settler = openSettler(counted.ledger, log);
    settler.add(first as Finished);
    for (const job of others.slice(1)) settler.add(job);
    assert.ok([first, ...others.slice(1)].every((job) => settler.has(`run-1/${job?.id.job}`)));
    while (settler.has('run-1/job-0')) await sleep(1);
    settler.add(others[0] as Finished);
    await settler.idle();
    assert.equal(counted.pushes, expected);
    assert.not(settler.has('run-1/job-0'));
    const areas = [...shared.refs().keys()].map((ref) => ref.split('/').slice(0, 3).join('/'));
    assert.not(areas.includes('refs/dstack/queue') || areas.includes('refs/dstack/claims'));
    assert.is(areas.filter((area) => area === 'refs/dstack/jobs').length, 6);
  });
}

test('a job that can not be settled keeps no other from being settled', async () => {
  const { shared, ledger } = await scratchLedger();
  const [first, second, third] = (await finishedJobs(ledger, 3)) as [Finished, Finished, Finished];
  let rested = 0;
  const settler = openSettler(ledger, log, () => {
    rested += 1;
  });
  settler.add(first);
  settler.add({ ...second, commit: 'f'.repeat(40) });
  settler.add(third);
  await settler.idle();
  assert.is(rested, 1);
  const refs = shared.refs();
  assert.ok(refs.has(ledger.names.job('jobs', third.id)));
  assert.not(refs.has(ledger.names.job('claims', third.id)));
});

test.run();
