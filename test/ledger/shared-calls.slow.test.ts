import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { serve } from './git-daemon.ts';
import { participant, type Shared, scratchShared } from './support.ts';

const refOf = (number: number) => `refs/dstack/claims/run-1/job-${number}`;

async function writeMany(ledger: Ledger, count: number): Promise<string[]> {
  return ledger.shared.write(
    Array.from({ length: count }, (_, index) => ({
      parents: [],
      files: [],
      message: `${ledger.who.name} ${index}`,
      author: { ...ledger.who, time: 0 },
    })),
  );
}

/** Two participants create the same refs at once, each ref in a call of its own: of each ref exactly one wins. */
async function race(shared: Shared, one: Ledger, other: Ledger): Promise<void> {
  const numbers = Array.from({ length: 20 }, (_, index) => index);
  const claims = await Promise.all(
    [one, other].map(async (ledger) => {
      const ids = await writeMany(ledger, numbers.length);
      return { ledger, ids };
    }),
  );
  const results = await Promise.all(
    claims.map(({ ledger, ids }) =>
      Promise.all(
        numbers.map((n) => ledger.shared.push([{ ref: refOf(n), from: null, to: ids[n] as string }])),
      ),
    ),
  );
  const refs = shared.refs();
  for (const n of numbers) {
    const won = claims.map(({ ids }) => refs.get(refOf(n)) === ids[n]);
    assert.is(won.filter(Boolean).length, 1, refOf(n));
    // A success is known as such, and only that.
    for (const index of [0, 1]) assert.is(results[index]?.[n]?.ok, won[index], refOf(n));
  }
}

test('a folder: of many that are created at once by two, each is known to its winner only', async () => {
  const shared = await scratchShared();
  await race(shared, await participant(shared.path, 'one'), await participant(shared.path, 'other'));
});

test('a URL: the same, in far fewer pushes', async () => {
  const shared = await scratchShared();
  shared.git('config', 'daemon.receivepack', 'true');
  shared.hook('pre-receive', 'echo >> pushes');
  const daemon = await serve(shared.path);
  try {
    await race(shared, await participant(daemon.url, 'one'), await participant(daemon.url, 'other'));
    const pushes = readFileSync(join(shared.path, 'pushes'), 'utf8').length;
    assert.ok(pushes < 20, `${pushes} pushes`);
  } finally {
    await daemon.stop();
  }
});

for (const how of ['folder', 'URL']) {
  test(`a ${how}: one that a hook refuses takes no other one with it`, async () => {
    const shared = await scratchShared();
    shared.git('config', 'daemon.receivepack', 'true');
    shared.hook('pre-receive', 'while read -r _ _ ref; do case $ref in *job-3) exit 1 ;; esac; done');
    const daemon = await serve(shared.path);
    try {
      const ledger = await participant(how === 'URL' ? daemon.url : shared.path);
      const ids = await writeMany(ledger, 6);
      const outcomes = await Promise.all(
        ids.map((to, n) => ledger.shared.push([{ ref: refOf(n), from: null, to }])),
      );
      assert.equal(
        outcomes.map(({ ok }) => ok),
        [true, true, true, false, true, true],
      );
      assert.is(shared.refs().size, 5);
    } finally {
      await daemon.stop();
    }
  });

  test(`a ${how}: listings at once have each what it asked for, and nothing from before the call`, async () => {
    const shared = await scratchShared();
    shared.git('config', 'daemon.receivepack', 'true');
    const daemon = await serve(shared.path);
    try {
      const ledger = await participant(how === 'URL' ? daemon.url : shared.path);
      const [id = ''] = await writeMany(ledger, 1);
      const refs = ['refs/dstack/claims/a/b', 'refs/dstack/claims/ab/c', 'refs/dstack/queue/a/b'];
      assert.ok((await ledger.shared.push(refs.map((ref) => ({ ref, from: null, to: id })))).ok);
      const under = ledger.shared.list(['refs/dstack']);
      const late = 'refs/dstack/stops/a/b';
      shared.git('update-ref', late, id);
      const prefixes = [['refs/dstack/claims/a'], ['refs/dstack/queue', 'refs/dstack/claims/ab'], [late], []];
      const parts = await Promise.all(prefixes.map((some) => ledger.shared.list(some, { limit: 60_000 })));
      assert.equal(
        parts.map((part) => [...part.keys()].sort()),
        [[refs[0]], [refs[1], refs[2]], [late], []],
      );
      await under;
    } finally {
      await daemon.stop();
    }
  });
}

test.run();
