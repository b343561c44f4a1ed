import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isName } from '../../src/ledger/names.ts';
import { type ParsedRef, refNames } from '../../src/ledger/refs.ts';

const name = fc.stringMatching(/^[a-z0-9][a-z0-9_.-]{0,20}$/).filter(isName);
const prefix = fc.constantFrom('refs/dstack', 'refs/heads/dstack');

test('what is printed is read back as it was', () => {
  fc.assert(
    fc.property(prefix, name, name, (under, run, job) => {
      const names = refNames(under);
      for (const area of ['queue', 'claims', 'jobs', 'stops'] as const) {
        assert.equal(names.parse(names.job(area, { run, job })), { area, run, job });
        assert.is(names.job(area, { run, job }), `${names.ofRun(area, run)}/${job}`);
      }
      const single: [string, ParsedRef][] = [
        [names.run(run), { area: 'runs', run }],
        [names.tag(run), { area: 'tags', name: run }],
        [names.runner(run), { area: 'runners', name: run }],
        [names.cache(run), { area: 'cache', name: run }],
        [names.seen, { area: 'triggers', name: 'seen' }],
      ];
      for (const [ref, parsed] of single) assert.equal(names.parse(ref), parsed);
    }),
  );
});

test('whatever is no ref of ours is none', () => {
  const refs = [
    'refs/heads/main',
    'refs/dstack',
    'refs/dstack/runs',
    'refs/dstack/runs/',
    'refs/dstack/runs/a/b',
    'refs/dstack/queue/a',
    'refs/dstack/queue/a/b/c',
    'refs/dstack/queue/A/b',
    'refs/dstack/claims/a/..',
    'refs/dstack/other/a',
    'refs/dstack/tags/a.lock',
    'refs/dstackruns/a',
    'refs/dstack/__proto__/a',
  ];
  for (const ref of refs) assert.is(refNames().parse(ref), null, ref);
});

test('the names are those of the wire format', () => {
  const names = refNames();
  assert.is(names.job('claims', { run: 'r', job: 'j' }), 'refs/dstack/claims/r/j');
  assert.is(names.run('r'), 'refs/dstack/runs/r');
  assert.is(names.note({ run: 'r', job: 'j' }), 'refs/notes/dstack/r/j');
  assert.is(names.history, 'refs/remotes/refs/dstack/runs/HEAD');
});

test('under another prefix everything is below it, the logs too', () => {
  const names = refNames('refs/heads/dstack');
  assert.is(names.note({ run: 'r', job: 'j' }), 'refs/heads/dstack/notes/r/j');
  assert.is(names.parse(names.note({ run: 'r', job: 'j' })), null);
  assert.is(names.history, 'refs/remotes/refs/heads/dstack/runs/HEAD');
});

test.run();
