import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openWake } from '../../src/ledger/wake.ts';
import { openChangeHint } from '../../src/runner/change-hint.ts';

// No test here ever ends by time passing: so long a wait would be noticed.
const forEver = 1 << 30;

/** A host that answers when the test says so. */
function host() {
  const answers: ((changed: boolean) => void)[] = [];
  return {
    asked: () => answers.length,
    answer: (changed: boolean) => answers.at(-1)?.(changed),
    hasChanged: () => new Promise<boolean>((resolve) => answers.push(resolve)),
  };
}

test('the answer counts, once for each question', async () => {
  const wake = openWake({ path: null });
  const { asked, answer, hasChanged } = host();
  const { saysNo } = openChangeHint(hasChanged, wake, forEver);
  for (const changed of [false, true, false]) {
    const said = saysNo();
    answer(changed);
    assert.is(await said, !changed);
  }
  assert.is(asked(), 3);
  wake.close();
});

test('a sign is not kept waiting by a host that says nothing', async () => {
  const wake = openWake({ path: null });
  const { asked, answer, hasChanged } = host();
  const { saysNo } = openChangeHint(hasChanged, wake, forEver);
  const first = saysNo();
  wake.notify();
  assert.is(await first, false);
  // What it says later is not lost: the look may have been before that change.
  const second = saysNo();
  answer(true);
  assert.is(await second, false);
  assert.is(asked(), 1);
  wake.close();
});

test('a host that never answers is waited for once, and asked once', async () => {
  const wake = openWake({ path: null });
  const { asked, hasChanged } = host();
  const { saysNo } = openChangeHint(hasChanged, wake, 20);
  for (let poll = 0; poll < 5; poll += 1) assert.is(await saysNo(), false);
  assert.is(asked(), 1);
  wake.close();
});

test('one that fails says nothing', async () => {
  const wake = openWake({ path: null });
  const { saysNo } = openChangeHint(() => Promise.reject(new Error('no')), wake, forEver);
  assert.is(await saysNo(), false);
  wake.close();
});

test('an answer and a sign at the same moment: the sign counts', async () => {
  const wake = openWake({ path: null });
  const { answer, hasChanged } = host();
  const { saysNo } = openChangeHint(hasChanged, wake, forEver);
  const said = saysNo();
  wake.notify();
  answer(false);
  assert.is(await said, false);
  wake.close();
});

test.run();
