import { renameSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClaimHolder } from '../../src/ledger/claim-holder.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { keptAtEnd, keptByEarlier } from '../../src/runner/publish.ts';
import { claim, jobSpec, participant, queued, scratchShared, submit } from '../ledger/support.ts';

const said = { manifest: 'a'.repeat(64), files: 1, bytes: 2, complete: true };

interface Place {
  readonly ledger: Ledger;
  away(): void;
  back(): void;
}

async function withKept(act: (place: Place, holder: ClaimHolder) => Promise<void>): Promise<void> {
  const shared = await scratchShared();
  const whole = await participant(shared.path);
  await submit(whole, 'run-1', [jobSpec('train')]);
  const first = await claim(whole, await queued(whole, 'run-1'));
  await first.renew({ kept: { manifest: 'what was saved', said, savedAt: new Date().toISOString() } });
  // Another one, as after a takeover: it has read nothing of that yet.
  const reader = await participant(shared.path);
  const place = {
    ledger: reader,
    away: () => renameSync(shared.path, `${shared.path}-away`),
    back: () => renameSync(`${shared.path}-away`, shared.path),
  };
  try {
    await act(place, first);
  } finally {
    whole.close();
    reader.close();
  }
}

test('an outage is not taken for nothing saved: the next attempt would begin anew', () =>
  withKept(async (place, holder) => {
    place.away();
    const error = await keptByEarlier(place, holder).catch((failure) => failure);
    assert.is(error?.code, 'unreachable');
    const atEnd = keptAtEnd(place, holder, { leaving: false });
    place.back();
    assert.is((await atEnd)?.manifest, 'what was saved');
  }));

test('a runner that leaves does not wait for its end', () =>
  withKept(async (place, holder) => {
    place.away();
    assert.is(await keptAtEnd(place, holder, { leaving: true }), null);
    place.back();
    assert.is((await keptByEarlier(place, holder))?.manifest, 'what was saved');
  }));

test.run();
