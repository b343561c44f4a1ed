import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultRequirements, type JobSpec } from '../../src/language/job-spec.ts';
import { membersOf } from '../../src/ledger/fleet.ts';
import type { ClaimTip, QueueEntry } from '../../src/ledger/live.ts';
import { waitForRunner } from '../../src/ledger/wait-words.ts';
import { sampleRunner } from '../tui/sample-state.ts';
import { jobSpec } from './support.ts';

const gb = 2 ** 30;
const now = Date.parse('2026-03-01T12:00:00Z');
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();
const asks = (resources: Partial<JobSpec['resources']>) =>
  jobSpec('job', { resources: { ...defaultRequirements.resources, ...resources } });
const runner = (name: string, cpu: number, more: Parameters<typeof sampleRunner>[1] = {}) =>
  sampleRunner(name, {
    machine: { cpu, memory: 16 * gb, gpus: [] },
    labels: {},
    concurrency: 4,
    heartbeat: 20,
    seenAt: ago(5),
    draining: false,
    ...more,
  });

/** What a job that asks for this waits for, where others hold what these ask for. */
function words(
  wanted: Partial<JobSpec['resources']>,
  cards: ReturnType<typeof runner>[],
  held: [runner: string, resources: Partial<JobSpec['resources']>][] = [],
) {
  const queue = new Map<string, QueueEntry>();
  const claims = new Map<string, ClaimTip>();
  for (const [index, [name, resources]] of held.entries()) {
    const key = `run-1/job-${index}`;
    queue.set(key, { job: { spec: asks(resources) } } as QueueEntry);
    const claim = { runner: name, state: 'running' };
    claims.set(key, { kind: 'claim', commit: key, claim } as ClaimTip);
  }
  return waitForRunner(asks(wanted), membersOf(cards, { queue, claims }), now);
}

test('somebody can take it: it will be claimed any moment', () => {
  assert.equal(words({ cpu: 2 }, [runner('a', 4)]), { words: 'waits for a runner', fits: true });
});

test('there is nobody, or it fits nobody', () => {
  assert.equal(words({}, []), { words: 'waits for a runner: there is none', fits: false });
  assert.equal(words({ cpu: 8 }, [runner('a', 4), runner('b', 2)]), {
    words: 'waits for a runner: it needs 8 CPUs; nearest: a has 4 CPUs',
    fits: false,
  });
});

test('who could take it is busy, by what has been asked for or by their number', () => {
  const small: [string, object][] = [
    ['a', { cpu: 2 }],
    ['a', { cpu: 1 }],
  ];
  assert.equal(words({ cpu: 4 }, [runner('a', 4), runner('b', 2)], small), {
    words: 'waits for a runner: a is busy: it needs 4 CPUs, of which 1 are free',
    fits: true,
  });
  const full = [runner('a', 4, { concurrency: 2 })];
  assert.is(
    words({}, full, small).words,
    'waits for a runner: a is busy: it needs a free slot, of which it has 2',
  );
  assert.is(
    words({ cpu: 4 }, [runner('a', 4), runner('b', 4)], [...small, ['b', { cpu: 1 }]]).words,
    'waits for a runner: all 2 that it fits are busy',
  );
});

test('who could take it is silent, or takes no more', () => {
  assert.equal(words({ cpu: 4 }, [runner('a', 4, { seenAt: ago(600) }), runner('b', 2)]), {
    words: 'waits for a runner: a, which it fits, has fallen silent',
    fits: false,
  });
  assert.is(
    words({}, [runner('a', 4, { draining: true })]).words,
    'waits for a runner: a, which it fits, takes no more jobs',
  );
  assert.is(
    words({}, [runner('a', 4, { seenAt: 'noon' })]).words,
    'waits for a runner: a, which it fits, has fallen silent',
  );
});

test.run();
