import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DstackError } from '../../src/errors.ts';
import { onceInContact } from '../../src/runner/once-in-contact.ts';

/** Fails so often with this error, then succeeds. */
function failing(times: number, error: Error) {
  let calls = 0;
  return async () => {
    calls += 1;
    if (calls <= times) throw error;
    return calls;
  };
}

const away = new DstackError('unreachable', 'it is gone');

test('an outage passes', async () => {
  assert.is(await onceInContact(failing(2, away), () => false), 3);
});

test('what is wrong stays wrong', async () => {
  for (const error of [new DstackError('untrusted-job', 'no'), new Error('a bug')]) {
    try {
      await onceInContact(failing(1, error), () => false);
      assert.unreachable();
    } catch (caught) {
      assert.is(caught, error);
    }
  }
});

test('nobody waits for what is of no more use', async () => {
  try {
    await onceInContact(failing(1, away), () => true);
    assert.unreachable();
  } catch (caught) {
    assert.is(caught, away);
  }
});

test.run();
