import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultRequirements, type JobSpec } from '../../src/language/job-spec.ts';
import { allot, stockOf } from '../../src/ledger/allotments.ts';
import type { Member } from '../../src/ledger/fleet.ts';
import { fitsBeside, lineUp, type Opening } from '../../src/runner/line-up.ts';
import { jobSpec } from '../ledger/support.ts';

const gb = 2 ** 30;
const minute = 60_000;
const asks = (resources: Partial<JobSpec['resources']>) =>
  jobSpec('job', { resources: { ...defaultRequirements.resources, ...resources } });
const opening = (key: string, more: Partial<Opening> = {}): Opening => ({
  key,
  spec: asks({}),
  hasRoom: true,
  waited: 0,
  heldBack: false,
  priority: 0,
  since: 0,
  submittedAt: 0,
  ...more,
});
const member = (name: string, cpu: number, held: Partial<JobSpec['resources']>[] = []): Member => {
  const machine = { cpu, memory: 64 * gb, gpus: [] };
  const taken = held.map((resources) => allot(stockOf(machine), [], asks(resources)) as never);
  return {
    name,
    labels: {},
    machine,
    stock: stockOf(machine),
    concurrency: 8,
    draining: false,
    load: held.length,
    taken,
  };
};
const keys = (openings: Opening[], self = member('a', 8), others: Member[] = []) =>
  lineUp(openings, self, others, new Set(), minute).candidates.map((one) => one.opening.key);

test('a runner alone goes by priority and age alone', () => {
  const openings = [
    opening('r/young', { since: 30_000 }),
    opening('r/low', { priority: -1 }),
    opening('r/old'),
    opening('r/high', { priority: 1, since: 60_000 }),
  ];
  assert.equal(keys(openings), ['r/high', 'r/old', 'r/young', 'r/low']);
});

test('who is idle beside what it has room for is not waited for', () => {
  const others = [member('b', 8)];
  const many = Array.from({ length: 50 }, (_, index) => opening(`r/${index}`));
  const places = (idle: string[]) =>
    lineUp(many, member('a', 8), others, new Set(idle), minute).candidates.map(({ place }) => place);
  assert.equal(new Set(places([])), new Set([0, 1]));
  assert.equal(new Set(places(['b'])), new Set([0]));
});

test('smaller machines come first for as many jobs as they have hands', () => {
  const small = { ...member('b', 2), load: 6 };
  const many = Array.from({ length: 5 }, (_, index) => opening(`r/${index}`, { spec: asks({ cpu: 1 }) }));
  const { candidates } = lineUp(many, member('a', 32), [small], new Set(), minute);
  assert.is(candidates.filter(({ suitsSmaller }) => suitsSmaller).length, 2);
  const large = asks({ cpu: 4 });
  const [only] = lineUp(
    [opening('r/x', { spec: large })],
    member('a', 32),
    [small],
    new Set(),
    minute,
  ).candidates;
  assert.is(only?.suitsSmaller, false);
});

/** Which of these runners keep room for a job of 8 CPUs that has waited for so long. */
function keepers(waited: number, runners: Member[]): string[] {
  const big = opening('r/big', { spec: asks({ cpu: 8 }), hasRoom: false, waited });
  // A runner looks only at what fits on it.
  const able = runners.filter(({ machine }) => machine.cpu >= 8);
  return able.flatMap((self) => {
    const others = runners.filter((one) => one !== self);
    return lineUp([big], self, others, new Set(), minute).kept ? [self.name] : [];
  });
}

test('one runner keeps room at first, the smallest that will do; later more of them', () => {
  const runners = [member('huge', 64), member('b', 8), member('c', 8), member('tiny', 4)];
  assert.equal(keepers(minute - 1, runners), []);
  const [first] = keepers(minute, runners);
  assert.ok(first === 'b' || first === 'c');
  assert.is(keepers(minute, runners).length, 1);
  assert.equal(keepers(4 * minute, runners).sort(), ['b', 'c']);
  assert.equal(keepers(16 * minute, runners).sort(), ['b', 'c', 'huge']);
  // What it has done so far changes nothing about who it is.
  const busier = runners.map((one) => ({ ...one, load: one.name === first ? 7 : 1 }));
  assert.equal(keepers(minute, busier), [first]);
});

test('for any fleet at least one runner on which a job fits keeps room, and few do', () => {
  const cpus = fc.array(fc.constantFrom(4, 8, 16, 64), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(cpus, fc.integer({ min: 1, max: 300 }), (sizes, minutes) => {
      const runners = sizes.map((cpu, index) => member(`r${index}`, cpu));
      const able = sizes.filter((cpu) => cpu >= 8).length;
      const most = 1 + Math.floor(Math.log(minutes + 0.001) / Math.log(4));
      assert.is(keepers(minutes * minute, runners).length, Math.min(able, most));
    }),
  );
});

test('beside what room is kept for begins only what leaves that room', () => {
  const big = opening('r/big', { spec: asks({ cpu: 8, memory: 16 * gb }), hasRoom: false, waited: minute });
  const before = opening('r/before', { priority: 1, spec: asks({ cpu: 1 }) });
  const after = opening('r/after', { since: 60_000, spec: asks({ cpu: 1 }) });
  const self = member('a', 8, [{ cpu: 4 }]);
  const { kept, candidates } = lineUp([after, big, before], self, [], new Set(), minute);
  assert.is(kept, big);
  assert.equal(
    candidates.map((one) => [one.opening.key, one.afterKept]),
    [
      ['r/before', false],
      ['r/big', false],
      ['r/after', true],
    ],
  );
  assert.not.ok(fitsBeside(big, after.spec, self));
  assert.ok(fitsBeside(big, asks({}), self));
  assert.ok(fitsBeside(big, asks({ memory: 48 * gb }), self));
  assert.not.ok(fitsBeside(big, asks({ memory: 49 * gb }), self));
  // One of its hands is kept, too.
  assert.not.ok(fitsBeside(big, asks({}), { ...self, load: 7 }));
});

test('room that was kept is for that job once it is enough, not for one that is only alike', () => {
  const self = member('a', 8);
  const openings = Array.from({ length: 40 }, (_, index) =>
    opening(`r/${index}`, { since: index, waited: minute }),
  );
  const others = [member('b', 8), member('c', 4)];
  for (const { key } of openings) {
    const { candidates } = lineUp(openings, self, others, new Set(), minute, key);
    assert.is(candidates.length, openings.length);
    const [first] = candidates;
    assert.equal([first?.opening.key, first?.place, first?.suitsSmaller], [key, 0, false]);
  }
  const late = opening('r/late', { since: 60_000 });
  assert.is(
    lineUp([...openings, late], self, [], new Set(), minute, 'r/late').candidates.at(-1)?.opening,
    late,
  );
});

test("what this runner can't try is no reason to keep room", () => {
  const big = opening('r/big', { hasRoom: false, waited: minute, heldBack: true });
  assert.is(lineUp([big], member('a', 8), [], new Set(), minute).kept, null);
});

test.run();
