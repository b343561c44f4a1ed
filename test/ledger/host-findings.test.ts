import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hostFindings, suggestedLayout } from '../../src/ledger/host-findings.ts';
import type { HostFacts } from '../../src/ledger/probe-host.ts';

const test = suite('what follows from what a host allows');

const yes = { can: true, words: null };
const no = { can: false, words: 'no' };
const facts = (more: Partial<HostFacts> = {}): HostFacts => ({
  greeting: { protocol: 2, agent: 'git/2.45.0', objectFormat: 'sha1' },
  failure: null,
  refused: [],
  prefix: 'refs/dstack',
  append: yes,
  createOnly: yes,
  swap: yes,
  rewind: yes,
  delete: yes,
  atomic: yes,
  byId: yes,
  sizes: [],
  left: [],
  ...more,
});
const byDefault = { refPrefix: 'refs/dstack', host: {} };

test('only settings that change something are suggested', () => {
  assert.equal(suggestedLayout(facts(), byDefault), {});
  assert.equal(suggestedLayout(facts({ rewind: no }), byDefault), { host: { rewind: false } });
  assert.equal(suggestedLayout(facts({ rewind: no }), { ...byDefault, host: { rewind: false } }), {});
  assert.equal(suggestedLayout(facts(), { ...byDefault, host: { delete: false } }), {
    host: { delete: true },
  });
  // What wasn't found out stays as it is.
  const unsure = { can: null, words: null };
  assert.equal(suggestedLayout(facts({ delete: unsure }), { ...byDefault, host: { delete: false } }), {});
});

test('among branches nothing may be rewound and deleted unless that is said', () => {
  const branches = { prefix: 'refs/heads/dstack', rewind: no, delete: no };
  assert.equal(suggestedLayout(facts(branches), byDefault), { refPrefix: 'refs/heads/dstack' });
  assert.equal(
    suggestedLayout(facts({ ...branches, delete: yes }), { refPrefix: 'refs/heads/dstack', host: {} }),
    {
      host: { delete: true },
    },
  );
  // A setting that was right for another prefix.
  assert.equal(suggestedLayout(facts(branches), { ...byDefault, host: { rewind: true } }), {
    refPrefix: 'refs/heads/dstack',
    host: { rewind: false },
  });
});

test('what protects jobs stops, the rest limits', () => {
  const worst = facts({ append: no, createOnly: no, swap: no, rewind: no, delete: no, atomic: no, byId: no });
  const findings = hostFindings(worst);
  const having = (effect: string) => findings.flatMap((one) => (one.effect === effect ? [one.what] : []));
  assert.equal(having('stops'), ['add commits', 'only create', 'compare and swap']);
  assert.equal(having('limits'), ['rewind', 'delete', 'atomic push', 'fetch by id']);
  assert.match(
    findings.find(({ what }) => what === 'rewind')?.follows ?? '',
    /^works with host\.rewind: false/,
  );
});

test('a refused prefix limits if there is another one', () => {
  const refused = [{ prefix: 'refs/dstack', what: 'refs', words: 'hidden' } as const];
  const find = (more: Partial<HostFacts>) =>
    hostFindings(facts({ refused, ...more })).find(({ what }) => what === 'refs under refs/dstack');
  assert.is(find({ prefix: 'refs/heads/dstack' })?.follows, 'works with refPrefix: refs/heads/dstack');
  assert.is(find({ prefix: null })?.effect, 'stops');
  assert.is(find({ prefix: null })?.words, 'hidden');
});

test.run();
