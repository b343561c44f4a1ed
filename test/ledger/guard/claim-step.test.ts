import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { stepFault } from '../../../src/ledger/guard/claim-step.ts';
import { sampleClaim } from '../support.ts';

const running = sampleClaim({ state: 'running' });
const miscounts = 'it miscounts the attempts that were given back';

test('an attempt is given back once, by its holder, when it ends', () => {
  const waits = sampleClaim({ state: 'waiting', givenBack: 1 });
  assert.is(stepFault(running, waits), null);
  assert.is(stepFault(running, { ...waits, givenBack: 2 }), miscounts);
  assert.is(stepFault(running, { ...running, givenBack: 1 }), miscounts);
  assert.is(
    stepFault(waits, { ...waits, givenBack: 2 }),
    'it waits for the next attempt, and for nothing else',
  );
  const other = { ...waits, runner: 'gpu-2', instance: 'of gpu-2' };
  assert.is(stepFault(running, other), "it is gpu-1's");
});

test('how often that was goes on to all attempts that follow', () => {
  const waits = sampleClaim({ state: 'waiting', givenBack: 1 });
  const next = sampleClaim({ attempt: 2, givenBack: 1 });
  assert.is(stepFault(waits, next), null);
  assert.is(stepFault(waits, sampleClaim({ attempt: 2 })), miscounts);
  assert.is(
    stepFault(null, sampleClaim({ givenBack: 1 })),
    'a claim begins as claimed, with the first attempt',
  );
  // Withdrawn before anything of it had begun: as if it had not been.
  assert.is(stepFault(next, waits), null);
  assert.is(stepFault({ ...next, state: 'running' }, { ...next, state: 'waiting', givenBack: 2 }), null);
});

test.run();
